// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/system/team.h"

#include "daemon/files/child.h"
#include "daemon/files/other_root.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

// <linux/memfd.h>, for older libc headers.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace sharedregion {

namespace {

constexpr char kOwnProgram[] = "/proc/self/exe";
constexpr size_t kLongestTeam = 64; // kmod/region.h, SHREG_TEAM_MAX

// argv[0] of a copy, which must not be copied once more.
constexpr char kMemberName[] = "dyldctl-member";

// Read before main(): another root directory has no /proc.
const std::string kOwnTeam = [] {
    char value[kLongestTeam];
    ssize_t length = getxattr(kOwnProgram, SHARED_REGION_TEAM_XATTR, value, sizeof value);
    return length > 0 ? std::string(value, length) : std::string();
}();

Done copy_program(int to) {
    UniqueFd from(open(kOwnProgram, O_RDONLY | O_CLOEXEC));
    struct stat st;
    if (!from.valid() || fstat(from.get(), &st) != 0)
        return Failure::system(errno, kOwnProgram, "cannot open");
    for (off_t done = 0; done < st.st_size;) {
        ssize_t count = sendfile(to, from.get(), nullptr, size_t(st.st_size - done));
        if (count < 0)
            return Failure::system(errno, kOwnProgram, "cannot copy to memory");
        if (count == 0)
            return Failure::about(kOwnProgram, "became shorter while it was copied; try again");
        done += count;
    }
    return Success{};
}

// Executable, whatever vm.memfd_noexec says about files without a flag.
int make_memory_file() {
    const int fd = memfd_create("dyldctl", MFD_CLOEXEC | MFD_EXEC);
    return fd >= 0 || errno != EINVAL ? fd : memfd_create("dyldctl", MFD_CLOEXEC); // before Linux 6.3
}

Done set_team(const UniqueFd &copy, const std::string &team) {
    if (fchmod(copy.get(), 0500) != 0)
        return Failure::system(errno, "dyldctl", "cannot make a file in memory executable");
    if (fsetxattr(copy.get(), SHARED_REGION_TEAM_XATTR, team.data(), team.size(), 0) == 0)
        return Success{};
    return Failure::system(errno, SHARED_REGION_TEAM_XATTR,
                           errno == EPERM
                               ? "cannot set this attribute; only root of the initial user namespace may"
                               : "cannot set this attribute of a file in memory");
}

// Open for reading alone: what is open for writing cannot be executed. An empty team: nobody's.
Outcome<UniqueFd> make_member(const std::string &team) {
    UniqueFd copy(make_memory_file());
    if (!copy.valid())
        return Failure::system(errno, "dyldctl", "cannot make a file in memory");
    TRY(copy_program(copy.get()));
    if (!team.empty())
        TRY(set_team(copy, team));
    UniqueFd member(open(("/proc/self/fd/" + std::to_string(copy.get())).c_str(), O_RDONLY | O_CLOEXEC));
    if (!member.valid())
        return Failure::system(errno, "/proc/self/fd", "cannot open the copy of dyldctl");
    return Outcome<UniqueFd>(std::move(member));
}

// Only comes back on an error.
Done execute_member(const std::string &team, char *const *arguments) {
    UniqueFd member = TRY(make_member(team));
    fexecve(member.get(), arguments, environ);
    return Failure::system(errno, "dyldctl", "cannot execute it as a member of team " + team);
}

// In a child, which ends. Back in the machine's root directory, whose /proc has this program.
[[noreturn]] void become_member(const std::string &team, const std::vector<std::string> &arguments) {
    std::vector<std::string> all = {kMemberName};
    if (!team.empty())
        all.push_back("--team=" + team);
    if (!other_root().empty()) {
        const int root = open("/", O_PATH | O_DIRECTORY); // inherited
        all.push_back("--root=/proc/self/fd/" + std::to_string(root));
    }
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char *> argv;
    argv.reserve(all.size() + 1);
    for (std::string &argument : all)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (return_to_machine())
        if (Done joined = execute_member(team, argv.data()); !joined.ok())
            fprintf(stderr, "dyldctl: %s\n", joined.error().message().c_str());
    _exit(127);
}

} // namespace

const std::string &own_team() {
    return kOwnTeam;
}

Done run_as_member(const std::string &team, const std::vector<std::string> &arguments,
                   const std::string &about) {
    const pid_t child = fork();
    if (child < 0)
        return Failure::system(errno, about, "cannot fork");
    if (child == 0)
        become_member(team, arguments);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status == 0)
        return Success{};
    return Failure::about(about,
                          "dyldctl failed as a member of team " + team + " with " + status_text(status),
                          Failure::kNoOffset, EIO);
}

Done join_team(const std::string &team, char *const *arguments) {
    if (team.empty() || team.size() > kLongestTeam)
        return Failure::about("'" + team + "'", "a team ID has 1 to 64 bytes", Failure::kNoOffset, ERANGE);
    if (team == kOwnTeam)
        return Success{};
    if (strcmp(arguments[0], kMemberName) == 0)
        return Failure::about(kOwnProgram, "is no member of team " + team + ", though it was executed as one",
                              Failure::kNoOffset, EPERM);
    std::vector<char *> argv;
    for (char *const *argument = arguments; *argument != nullptr; argument++)
        argv.push_back(*argument);
    std::string name = kMemberName;
    argv[0] = name.data();
    argv.push_back(nullptr);
    return execute_member(team, argv.data());
}

} // namespace sharedregion
