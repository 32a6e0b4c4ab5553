// SPDX-License-Identifier: GPL-2.0-or-later
// STATE/libdyldshim.so: a copy of the shim that was installed with dyldctl.
//
// A copy, because its directory tells the shim which state it serves, and because programs that run must keep
// the very file that their sets were captured with.
#include "daemon/dyldctl/generations.h"
#include "daemon/files/mapped_file.h"
#include "daemon/files/other_root.h"
#include "daemon/files/package.h"
#include "daemon/state/loader_record.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>

namespace sharedregion {

namespace {

bool has_content(const std::string &path, ByteView bytes) {
    Outcome<MappedFile> file = MappedFile::open(path);
    return file.ok() && file.value().bytes().size() == bytes.size() &&
           std::memcmp(file.value().bytes().data(), bytes.data(), bytes.size()) == 0;
}

Done copy_into(const StateDirectory &state, ByteView bytes) {
    const std::string temporary = std::string(kShimName) + ".new";
    UniqueFd fd = TRY(open_regular_inside(state.fd(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
                                          state.file(temporary), 0755));
    // Readable by everybody, whatever the umask: it is loaded into every process of a tree.
    if (write(fd.get(), bytes.data(), bytes.size()) != ssize_t(bytes.size()) || fchmod(fd.get(), 0755) != 0 ||
        fsync(fd.get()) != 0 || renameat(state.fd(), temporary.c_str(), state.fd(), kShimName) != 0)
        return Failure::system(errno, state.file(kShimName), "cannot write");
    return Success{};
}

} // namespace

std::string shim_path(const StateDirectory &state) {
    std::string path = state.file(kShimName);
    return access(path.c_str(), R_OK) == 0 ? path : "";
}

Outcome<bool> ensure_shim(const StateDirectory &state, bool wanted) {
    if (!wanted && shim_path(state).empty())
        return false;
    const std::string path = TRY(find_helper(kShimName));
    MappedFile installed = TRY(map_helper(path));
    if (has_content(state.file(kShimName), installed.bytes()))
        return false;
    // ld.so splits LD_PRELOAD there, and the shim takes its state from it.
    if (state.path().find_first_of(" :") != std::string::npos)
        return Failure::about(state.path(),
                              "has a space or a colon in it, which LD_PRELOAD cannot name; name "
                              "another directory with --state");
    TRY(copy_into(state, installed.bytes()));
    return true;
}

Done remove_shim(const StateDirectory &state) {
    if (unlinkat(state.fd(), kShimName, 0) != 0 && errno != ENOENT)
        return Failure::system(errno, state.file(kShimName), "cannot remove");
    return Success{};
}

} // namespace sharedregion
