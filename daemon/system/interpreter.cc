// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/system/interpreter.h"

#include "daemon/files/other_root.h"
#include "daemon/files/region_device.h"
#include "daemon/state/loader_record.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kTestProgram[] = "/bin/true";

shared_region_interpreter argument(const char *replacement) {
    shared_region_interpreter pair = {};
    pair.size = sizeof pair;
    pair.genuine = reinterpret_cast<uint64_t>(kProgramInterpreter);
    pair.replacement = reinterpret_cast<uint64_t>(replacement);
    return pair;
}

Done call(const UniqueFd &device, unsigned long request, shared_region_interpreter *pair, const char *doing) {
    if (ioctl(device.get(), request, pair) == 0)
        return Success{};
    if (errno == EOPNOTSUPP)
        return Failure::about(SHARED_REGION_DEVICE,
                              "this kernel cannot substitute interpreters (no kprobes, or switched off)",
                              Failure::kNoOffset, EOPNOTSUPP);
    return Failure::system(errno, SHARED_REGION_DEVICE, doing);
}

// Starts `arguments` with nothing on its standard streams; what is wrong, empty: it ended with 0.
std::string problem_of(const char *const *arguments) {
    pid_t child = fork();
    if (child < 0)
        return std::string("cannot fork: ") + strerror(errno);
    if (child == 0) {
        int null = open_of_machine("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        alarm(20); // survives execve(2)
        execv(arguments[0], const_cast<char *const *>(arguments));
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status == 0)
        return "";
    return WIFSIGNALED(status) ? std::string("was killed by ") + strsignal(WTERMSIG(status))
                               : "ended with " + std::to_string(WEXITSTATUS(status));
}

Done test(const char *const *arguments, const std::string &about) {
    std::string problem = problem_of(arguments);
    if (problem.empty())
        return Success{};
    return Failure::about(about, std::string(kTestProgram) + " " + problem + " when started by it",
                          Failure::kNoOffset, ENOEXEC);
}

Done check_files(const StateDirectory &state) {
    std::optional<LoaderRecord> record = LoaderRecord::read(state);
    if (!record || state.current_generation().empty())
        return Failure::about(state.path(), "nothing built here yet; run `dyldctl build PROGRAM...`",
                              Failure::kNoOffset, ENOENT);
    char genuine[PATH_MAX];
    if (realpath(kProgramInterpreter, genuine) == nullptr)
        return Failure::system(errno, kProgramInterpreter, "cannot find");
    if (record->genuine.path != genuine || !(recorded_now(genuine).identity == record->genuine.identity))
        return Failure::about(genuine,
                              "is not the ld.so that ld-dyld.so was made from; run `dyldctl build` first",
                              Failure::kNoOffset, ESTALE);
    if (record->result.path != state.file(kLoaderName) ||
        !(recorded_now(record->result.path).identity == record->result.identity))
        return Failure::about(state.file(kLoaderName),
                              "is not the file that was made here; run `dyldctl build`", Failure::kNoOffset,
                              ESTALE);
    return Success{};
}

Done clear_on(const UniqueFd &device) {
    shared_region_interpreter pair = argument(nullptr);
    Done cleared = call(device, SHARED_REGION_INTERPRETER_CLEAR, &pair, "cannot end the substitution");
    if (!cleared.ok() && cleared.error().code != ENOENT && cleared.error().code != EOPNOTSUPP)
        return cleared;
    return Success{};
}

// A pair that is there may be an old file's: only a new one is surely this state's.
Done set_on(const UniqueFd &device, const std::string &replacement) {
    TRY(clear_on(device));
    shared_region_interpreter pair = argument(replacement.c_str());
    return call(device, SHARED_REGION_INTERPRETER_SET, &pair, "cannot set the substitution");
}

// (EINVAL: an older module, which does not tell the replacement.)
Done ask(const UniqueFd &device, const char *replacement, shared_region_interpreter *pair) {
    *pair = argument(replacement);
    Done answer = call(device, SHARED_REGION_INTERPRETER_QUERY, pair, "cannot ask");
    if (answer.ok() || answer.error().code != EINVAL)
        return answer;
    *pair = argument(nullptr);
    return call(device, SHARED_REGION_INTERPRETER_QUERY, pair, "cannot ask");
}

} // namespace

Done check_substitution(const StateDirectory &state) {
    TRY(check_files(state));
    std::string loader = state.file(kLoaderName);
    const char *arguments[] = {loader.c_str(), kTestProgram, nullptr};
    return test(arguments, loader);
}

Done set_substitution(const StateDirectory &state) {
    UniqueFd device = TRY(open_region_device());
    TRY(check_substitution(state));
    TRY(set_on(device, state.file(kLoaderName)));
    const char *arguments[] = {kTestProgram, nullptr};
    Done tested = test(arguments, state.file(kLoaderName));
    if (!tested.ok())
        (void)clear_on(device);
    return tested;
}

Done clear_substitution() {
    Outcome<UniqueFd> device = open_region_device();
    if (!device.ok())
        return device.error().code == ENODEV ? Done(Success{}) : Done(device.error());
    return clear_on(device.value());
}

Outcome<std::optional<Substitution>> query_substitution() {
    Outcome<UniqueFd> device = open_region_device();
    if (!device.ok())
        return std::optional<Substitution>();
    char replacement[SHARED_REGION_INTERPRETER_PATH_SIZE] = "";
    shared_region_interpreter pair;
    Done answer = ask(device.value(), replacement, &pair);
    if (answer.ok())
        return std::optional(Substitution{pair.state == SHARED_REGION_INTERPRETER_ACTIVE,
                                          uint64_t(pair.substituted), replacement});
    // (EPERM: only root is told.)
    if (answer.error().code == ENOENT || answer.error().code == EOPNOTSUPP || answer.error().code == EPERM)
        return std::optional<Substitution>();
    return answer.error();
}

} // namespace sharedregion
