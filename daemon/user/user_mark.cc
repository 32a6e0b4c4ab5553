// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/user/user_mark.h"

#include "daemon/files/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>

namespace sharedregion {

namespace {

// As ld-dyld.so wants it (has_mark() in libdyldshim).
bool is_own_mark(const UserMark &mark) {
    struct stat st;
    return lstat(mark.text, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

} // namespace

Done make_user_mark(UserMark::Kind kind, const Uuid &activation) {
    const UserMark mark(kind, geteuid(), activation);
    UniqueFd fd(open(mark.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    if (fd.valid() || is_own_mark(mark))
        return Success{};
    if (errno == EEXIST)
        return Failure::about(mark.text, "belongs to somebody else: no start would look for own sets",
                              Failure::kNoOffset, EPERM);
    return Failure::system(errno, mark.text, "cannot make; without it no start looks for own sets");
}

bool has_user_mark(UserMark::Kind kind, const Uuid &activation) {
    return is_own_mark(UserMark(kind, geteuid(), activation));
}

void remove_user_marks(uint64_t activation) {
    for (UserMark::Kind kind : {UserMark::Kind::Own, UserMark::Kind::Instead})
        if (const UserMark mark(kind, geteuid(), activation); is_own_mark(mark))
            (void)unlink(mark.text);
}

} // namespace sharedregion
