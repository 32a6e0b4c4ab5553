// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/system/team.h"

#include "daemon/files/unique_fd.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace sharedregion {

namespace {

constexpr char kOwnProgram[] = "/proc/self/exe";
constexpr size_t kLongestTeam = 64; // kmod/region.h, SHREG_TEAM_MAX

bool is_member(const std::string &team) {
    char value[kLongestTeam + 1];
    ssize_t length = getxattr(kOwnProgram, SHARED_REGION_TEAM_XATTR, value, sizeof value);
    return length == ssize_t(team.size()) && team.compare(0, team.size(), value, team.size()) == 0;
}

Done copy_program(int to) {
    UniqueFd from(open(kOwnProgram, O_RDONLY | O_CLOEXEC));
    struct stat st;
    if (!from.valid() || fstat(from.get(), &st) != 0)
        return Failure::system(errno, kOwnProgram, "cannot open");
    for (off_t done = 0; done < st.st_size;) {
        ssize_t count = sendfile(to, from.get(), nullptr, size_t(st.st_size - done));
        if (count <= 0)
            return Failure::system(errno, kOwnProgram, "cannot copy to memory");
        done += count;
    }
    return Success{};
}

// Open for reading alone: what is open for writing cannot be executed.
Outcome<UniqueFd> make_member(const std::string &team) {
    UniqueFd copy(memfd_create("dyldctl", MFD_CLOEXEC));
    if (!copy.valid())
        return Failure::system(errno, "dyldctl", "cannot make a file in memory");
    TRY(copy_program(copy.get()));
    if (fchmod(copy.get(), 0500) != 0 ||
        fsetxattr(copy.get(), SHARED_REGION_TEAM_XATTR, team.data(), team.size(), 0) != 0)
        return Failure::system(errno, SHARED_REGION_TEAM_XATTR,
                               "cannot set this attribute; only root of the initial user namespace may");
    UniqueFd member(open(("/proc/self/fd/" + std::to_string(copy.get())).c_str(), O_RDONLY | O_CLOEXEC));
    if (!member.valid())
        return Failure::system(errno, "/proc/self/fd", "cannot open the copy of dyldctl");
    return Outcome<UniqueFd>(std::move(member));
}

} // namespace

Done join_team(const std::string &team, char *const *arguments) {
    if (team.empty() || team.size() > kLongestTeam)
        return Failure::about("'" + team + "'", "a team ID has 1 to 64 bytes", Failure::kNoOffset, ERANGE);
    if (is_member(team))
        return Success{};
    UniqueFd member = TRY(make_member(team));
    fexecve(member.get(), arguments, environ);
    return Failure::system(errno, "dyldctl", "cannot execute it as a member of team " + team);
}

} // namespace sharedregion
