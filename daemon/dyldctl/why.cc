// SPDX-License-Identifier: GPL-2.0-or-later
// dyldctl why PROGRAM: whether it starts prebuilt, and if not, the word that says why.
//
// The answer comes from ld-dyld.so itself, which is asked with DYLD_PRINT_LOADERS=only: it decides as at
// any start, prints its decision and ends before the program begins.
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/output.h"
#include "daemon/dyldctl/program_state.h"
#include "daemon/dyldctl/programs.h"
#include "daemon/dyldctl/user_set_builder.h"
#include "daemon/files/other_root.h"
#include "daemon/state/loader_record.h"
#include "sharedregion/printable.h"
#include "sharedregion/secure_start.h"

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>

namespace sharedregion {

namespace {

constexpr int kTimeoutMilliseconds = 10000;
// Of the child, where it could not even ask.
constexpr int kNoNamespace = 120;

struct Answer {
    bool prebuilt = false;
    std::string word;   // prebuilt, a JitReason's word, or the builder's (builder/capture/reject_reason.h)
    std::string detail; // UUID, file, variable
};

// In secure mode ld-dyld.so ignores all variables, also the one that asks.
bool is_secure(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0 && starts_secure(path, st);
}

// In a forked child. Never lets the program itself begin: only with ld-dyld.so as its interpreter.
[[noreturn]] void ask(const LaunchFiles &files, const std::string &path, int answer) {
    Done entered = enter_launch_namespace(files);
    if (!entered.ok())
        (void)!write(answer, entered.error().message().data(), entered.error().message().size());
    if (!entered.ok() || !inside_launch_namespace(files))
        _exit(kNoNamespace);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setenv("DYLD_PRINT_LOADERS", "only", 1);
    if (files.moved)
        setenv(kStateVariable, files.state.c_str(), 1);
    int null = open_of_machine("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(answer, STDERR_FILENO);
    execl(path.c_str(), path.c_str(), nullptr);
    _exit(kCannotExecute);
}

// Everything that arrives until the end or the time is up.
std::string read_answer(int fd) {
    std::string text;
    char buffer[4096];
    for (pollfd wait = {fd, POLLIN, 0}; poll(&wait, 1, kTimeoutMilliseconds) > 0;) {
        ssize_t size = read(fd, buffer, sizeof buffer);
        if (size <= 0)
            break;
        text.append(buffer, size);
    }
    return text;
}

// The decision line: "dyld: prebuilt UUID" or "dyld: jit REASON [DETAIL]".
bool parse_answer(const std::string &text, Answer *answer) {
    const std::string prebuilt = "dyld: prebuilt ", jit = "dyld: jit ";
    size_t begin = text.rfind("dyld: ");
    if (begin == std::string::npos)
        return false;
    std::string line = text.substr(begin, text.find('\n', begin) - begin);
    answer->prebuilt = line.compare(0, prebuilt.size(), prebuilt) == 0;
    if (!answer->prebuilt && line.compare(0, jit.size(), jit) != 0)
        return false;
    if (answer->prebuilt) {
        answer->word = "prebuilt";
        answer->detail = line.substr(prebuilt.size());
        return true;
    }
    std::string rest = line.substr(jit.size());
    size_t space = rest.find(' ');
    answer->word = rest.substr(0, space);
    answer->detail = space == std::string::npos ? "" : rest.substr(space + 1);
    return true;
}

Outcome<Answer> ask_loader(const LaunchFiles &files, const std::string &path) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return Failure::system(errno, "", "cannot make a pipe");
    UniqueFd reader(fds[0]), writer(fds[1]);
    pid_t child = fork();
    if (child < 0)
        return Failure::system(errno, "", "cannot fork");
    if (child == 0)
        ask(files, path, writer.get());
    writer.reset();
    std::string text = read_answer(reader.get());
    kill(child, SIGKILL); // it ended, or hangs
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoNamespace)
        return Answer{false, "direct", text.empty() ? "ld-dyld.so is not in ld.so's place" : text};
    Answer answer;
    if (!parse_answer(text, &answer))
        return Failure::about(path, "ld-dyld.so gave no answer; build again", Failure::kNoOffset, EIO);
    return answer;
}

// The record of a program that the current generation was built for.
void explain_by_record(OpenState *state, const SetProgramRecord &record, const std::string &path,
                       Answer *answer) {
    Outcome<ProgramState> now = state->state_of(record);
    if (!now.ok() || now.value().why.reason.empty())
        return;
    const bool rejected = !SetsView::captured(record);
    if (rejected && record.identity.ino != 0 && !(recorded_now(path).identity == record.identity)) {
        *answer = {false, "no-set",
                   "changed since it was rejected (" + now.value().why.reason + "): run `dyldctl build " +
                       path + "`"};
    } else if (rejected || answer->word == "no-set") {
        answer->word = now.value().why.reason;
        answer->detail = now.value().why.detail;
    }
}

// What became of the caller's own set: it is there but does not hold, or the last attempt failed.
void explain_own_set(const OpenState &open, const std::string &path, Answer *answer) {
    Outcome<UserDirectory> directory = UserDirectory::open();
    if (answer->word != "no-set" || !open.region || !directory.ok())
        return;
    Outcome<std::vector<UserSetFile>> sets = directory.value().sets();
    FileCheck files;
    for (const UserSetFile &file : sets.ok() ? sets.value() : std::vector<UserSetFile>())
        if (file.program == path)
            if (std::optional<Stale> stale = stale_user_set(file, &*open.region, &files))
                answer->detail = "own set: " + stale->reason + " " + stale->detail;
    if (std::string failure = recorded_failure(directory.value(), *open.region, path); !failure.empty())
        answer->detail = "own set: not built: " + failure;
}

// ld-dyld.so knows only that there is no set, or finds that of another program with the same build-id; the
// files of the generation know what became of this one.
void explain_no_set(const Context &context, const std::string &path, Answer *answer) {
    Outcome<OpenState> open = OpenState::open(context.state_option);
    if (!open.ok())
        return;
    if (const SetProgramRecord *record = open.value().generation.sets().find(path.c_str()))
        explain_by_record(&open.value(), *record, path, answer);
    else if (answer->word == "no-set")
        answer->detail = "never built: run `dyldctl build " + path + "`";
    explain_own_set(open.value(), path, answer);
}

// What can be said without starting anything; false: ld-dyld.so has to be asked.
Outcome<bool> answer_from_file(const std::string &path, Answer *answer, std::string *interpreter) {
    ProgramFile file = TRY(classify_program(path));
    *interpreter = file.interpreter;
    if (file.kind == FileKind::Script)
        *answer = {false, "not-elf", "a script: its interpreter is " + file.interpreter};
    else if (file.kind == FileKind::Foreign)
        *answer = {false, "other-machine", "not a program for x86-64, 64 bit"};
    else if (file.kind == FileKind::Static || file.kind == FileKind::Library)
        *answer = {false, "static", "no PT_INTERP: there is no ld.so to speed up"};
    else if (file.kind != FileKind::Program)
        *answer = {false, "not-elf", "no ELF program"};
    else if (is_secure(path))
        *answer = {false, "secure", "set-user-ID, set-group-ID or file capabilities"};
    return !answer->word.empty();
}

Outcome<Answer> why(const Context &context, const std::string &program) {
    std::string path = TRY(find_in_path(program)), interpreter;
    path = TRY(canonical_path(path));
    Answer answer;
    if (TRY(answer_from_file(path, &answer, &interpreter)))
        return answer;
    Outcome<LaunchFiles> files = find_launch_files(context.state_option);
    if (!files.ok())
        return Answer{false, files.error().code == ENOENT ? "no-cache" : "untrusted",
                      files.error().message()};
    Outcome<std::string> loader = canonical_path(interpreter);
    if (!loader.ok() || loader.value() != files.value().genuine_loader)
        return Answer{false, "other-interpreter", interpreter + " is not " + files.value().genuine_loader};
    answer = TRY(ask_loader(files.value(), path));
    // A start looks at libc only, which an upgrade replaces together with ld.so; `run` looks at ld.so too.
    if ((answer.prebuilt || answer.word == "library-changed") && files.value().loader_changed)
        return Answer{false, "loader-changed", files.value().genuine_loader};
    if (answer.word == "no-set" || answer.word == "program-changed")
        explain_no_set(context, path, &answer);
    return answer;
}

} // namespace

void add_why(CLI::App &app, Context &context) {
    auto program = std::make_shared<std::string>();
    CLI::App *command =
        app.add_subcommand("why", "whether a program starts prebuilt; else one word that says why");
    command->add_option("PROGRAM", *program)->required();
    command->callback([program, &context] {
        Outcome<Answer> outcome = why(context, *program);
        if (!outcome.ok())
            return fail(context, outcome.error());
        const Answer &answer = outcome.value();
        context.exit_code = answer.prebuilt ? kOk : kNotPrebuilt;
        if (context.json)
            print_json(Json{{"prebuilt", answer.prebuilt}, {"word", answer.word}, {"detail", answer.detail}});
        else
            printf("%s%s%s\n", coloured(answer.prebuilt ? Colour::Good : Colour::Bad, answer.word).c_str(),
                   answer.detail.empty() ? "" : " ", printable(answer.detail).c_str());
    });
}

} // namespace sharedregion
