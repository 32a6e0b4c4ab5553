// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/state/state.h"

#include "daemon/files/other_root.h"
#include "daemon/user/user_directory.h"
#include "sharedregion/state_names.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

namespace sharedregion {

namespace {

// https://bford.info/cachedir/: the signature is the MD5 of ".IsCacheDirectory".
constexpr const char kTag[] =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# State directory of sharedregion (made by dyldctl; `dyldctl clean` removes it).\n";

constexpr const char kSystemState[] = "/var/cache/shared-region";

const char *const kOwnNames[] = {kCacheTagName, kLoaderName, kAliasName, "genuine", "generations",
                                 "current",     "active",    "lock",     kShimName};

// Left by a switch or a make-ld-dyld that was killed: ".NAME.SUFFIX" or "NAME.SUFFIX".
bool is_own_name(const std::string &name) {
    std::string bare = name[0] == '.' ? name.substr(1) : name;
    return std::any_of(std::begin(kOwnNames), std::end(kOwnNames), [&](const std::string &own) {
        return name == own || (bare.size() > own.size() && bare.compare(0, own.size() + 1, own + ".") == 0);
    });
}

std::string from_environment(const char *name) {
    const char *value = getenv(name);
    return value == nullptr ? "" : value;
}

Outcome<std::string> absolute(const std::string &path) {
    std::string full = path;
    if (full[0] != '/') {
        char directory[PATH_MAX];
        if (getcwd(directory, sizeof directory) == nullptr)
            return Failure::system(errno, path, "cannot find the working directory");
        full = std::string(directory) + "/" + full;
    }
    while (full.size() > 1 && full.back() == '/')
        full.pop_back();
    return full;
}

// Users' states are nobody else's business; the system's is read by every process.
mode_t state_mode() {
    return geteuid() == 0 ? 0755 : 0700;
}

bool has_tag(int directory) {
    char text[sizeof kTag];
    Outcome<UniqueFd> fd = open_regular_inside(directory, kCacheTagName, O_RDONLY | O_NOFOLLOW, "");
    return fd.ok() && read(fd.value().get(), text, sizeof text) == ssize_t(sizeof kTag - 1) &&
           std::string(text, sizeof kTag - 1) == kTag;
}

// The first name in the directory that no part of sharedregion made; empty: none.
Outcome<std::string> foreign_name(const StateDirectory &state) {
    for (const std::string &name : TRY(list_directory(state.fd(), state.path())))
        if (!is_own_name(name) && !is_user_set_name(name))
            return name;
    return std::string();
}

} // namespace

Done write_cache_tag(int directory, const std::string &path) {
    if (has_tag(directory))
        return Success{};
    const std::string file = path + "/" + kCacheTagName;
    UniqueFd fd = TRY(
        open_regular_inside(directory, kCacheTagName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, file, 0644));
    if (write(fd.get(), kTag, sizeof kTag - 1) != ssize_t(sizeof kTag - 1))
        return Failure::system(errno, file, "cannot write");
    return Success{};
}

Outcome<std::string> canonical_state_path(const std::string &path) {
    std::string full = TRY(absolute(path));
    size_t slash = full.rfind('/');
    std::string parent = slash == 0 ? "/" : full.substr(0, slash), name = full.substr(slash + 1);
    if (name.empty() || name == "." || name == "..")
        return Failure::about(path, "cannot be a state directory; name one without '.' or '..' at its end");
    // realpath(3) takes a magic link for a symbolic one and so names another directory than the link leads
    // to.
    char resolved[PATH_MAX];
    if (!UniqueFd(open_directory_inside(AT_FDCWD, parent.c_str(), O_PATH)).valid() ||
        realpath(parent.c_str(), resolved) == nullptr)
        return open_failure(errno, parent, "cannot open directory", links_inside());
    return (std::string(resolved) == "/" ? "" : std::string(resolved)) + "/" + name;
}

Outcome<std::string> choose_state_path(const std::string &option) {
    if (!option.empty())
        return option;
    if (std::string path = from_environment(kStateVariable); !path.empty())
        return path;
    if (geteuid() == 0)
        return std::string(kSystemState);
    if (std::string cache = from_environment("XDG_CACHE_HOME"); !cache.empty() && cache[0] == '/')
        return cache + "/shared-region";
    if (std::string home = from_environment("HOME"); !home.empty() && home[0] == '/')
        return home + "/.cache/shared-region";
    return Failure::about("", "no state directory: set HOME or XDG_CACHE_HOME, or give --state DIR");
}

Outcome<std::string> choose_existing_state_path(const std::string &option) {
    Outcome<std::string> chosen = choose_state_path(option);
    const bool by_default = option.empty() && from_environment(kStateVariable).empty() && geteuid() != 0;
    auto is_built = [](const std::string &state) {
        return !read_symlink(AT_FDCWD, state + "/current").empty();
    };
    if (by_default && !(chosen.ok() && is_built(chosen.value())) && is_built(kSystemState))
        return std::string(kSystemState);
    return chosen;
}

Outcome<StateDirectory> StateDirectory::open(const std::string &path) {
    std::string full = TRY(canonical_state_path(path));
    TRY(check_parents(full));
    UniqueFd fd = TRY(open_trusted_directory(AT_FDCWD, full, full));
    return StateDirectory(std::move(full), std::move(fd));
}

Outcome<StateDirectory> StateDirectory::make(const std::string &path) {
    std::string wanted = TRY(absolute(path));
    if (size_t slash = wanted.rfind('/'); slash != 0)
        TRY(make_parents(wanted, state_mode()));
    std::string full = TRY(canonical_state_path(wanted));
    TRY(check_parents(full));
    StateDirectory state(full, TRY(make_own_directory(AT_FDCWD, full, full, state_mode())));
    if (std::string foreign = TRY(foreign_name(state)); !foreign.empty())
        return Failure::about(state.file(foreign),
                              "is in the way: a state directory must be empty or one that "
                              "dyldctl made; name another one with --state");
    struct statvfs fs;
    if (fstatvfs(state.fd(), &fs) == 0 && (fs.f_flag & ST_NOEXEC) != 0)
        return Failure::about(full,
                              "on a file system that is mounted noexec, from which no library can be mapped; "
                              "name another one with --state",
                              Failure::kNoOffset, EACCES);
    TRY(write_cache_tag(state.fd(), full));
    TRY(make_own_directory(state.fd(), "generations", state.file("generations"), state_mode()));
    return state;
}

namespace {

// Refuses a directory that `build` would not take, unless a generation lies there all the same. An empty one
// is a state in which nothing is built yet.
Done check_is_state(const StateDirectory &state) {
    if (has_tag(state.fd()) || !state.current_generation().empty())
        return Success{};
    const std::string foreign = TRY(foreign_name(state));
    return foreign.empty() ? Done(Success{})
                           : Failure::about(state.file(foreign),
                                            "not made by dyldctl, so this is no state directory; name "
                                            "another one with --state");
}

Outcome<StateDirectory> open_built(const std::string &path) {
    Outcome<StateDirectory> state = StateDirectory::open(path);
    if (!state.ok() && state.error().code == ENOENT)
        return Failure::about(path, "nothing built here yet; run `dyldctl build PROGRAM...`",
                              Failure::kNoOffset, ENOENT);
    if (state.ok())
        TRY(check_is_state(state.value()));
    return state;
}

} // namespace

Outcome<StateDirectory> StateDirectory::open_existing(const std::string &option) {
    std::string path = TRY(choose_existing_state_path(option));
    return open_built(path);
}

Outcome<StateDirectory> StateDirectory::open_chosen(const std::string &option) {
    std::string path = TRY(choose_state_path(option));
    return open_built(path);
}

Outcome<StateDirectory> StateDirectory::make_chosen(const std::string &option) {
    std::string path = TRY(choose_state_path(option));
    return make(path);
}

bool StateDirectory::is_ours(std::string *foreign) const {
    Outcome<std::string> name = foreign_name(*this);
    if (name.ok() && name.value().empty())
        return has_tag(fd());
    if (name.ok() && foreign != nullptr)
        *foreign = name.value();
    return false;
}

std::string StateDirectory::current_generation() const {
    const std::string prefix = "generations/";
    std::string target = read_symlink(fd(), "current");
    bool valid =
        target.compare(0, prefix.size(), prefix) == 0 && target.find('/', prefix.size()) == target.npos;
    return valid ? target.substr(prefix.size()) : "";
}

std::string StateDirectory::active_directory() const {
    return read_symlink(fd(), "active");
}

Done StateDirectory::set_current(const std::string &generation) const {
    return replace_symlink(fd(), "current", "generations/" + generation, file("current"));
}

Outcome<NewSymlink> StateDirectory::make_active(const std::string &directory) const {
    return NewSymlink::make(fd(), "active", directory, file("active"));
}

Outcome<StateLock> StateDirectory::lock(void (*waiting)()) const {
    UniqueFd fd =
        TRY(open_regular_inside(this->fd(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW, file("lock"), 0600));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return StateLock(std::move(fd));
    if (errno == EWOULDBLOCK && waiting != nullptr)
        waiting();
    while (flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR)
            return Failure::system(errno, file("lock"), "cannot lock");
    return StateLock(std::move(fd));
}

} // namespace sharedregion
