// SPDX-License-Identifier: GPL-2.0-or-later
// make-ld-dyld: makes ld-dyld.so from this machine's ld.so and the first stage.
//
// Nothing of glibc is shipped: the result is made where it is used, and again after each upgrade of ld.so.
#include "libdyldshim/patcher/patch_loader.h"
#include "sharedregion/file_identity.h"
#include "sharedregion/open_file.h"

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>
#include <utility>

using namespace sharedregion;

namespace {

struct Options {
    std::string loader, stage1, tail, state, builder, output, root;
    int root_fd = -1; // the directory `root` itself
    // Names of another system must not lead out of it.
    Links links() const { return root.empty() && root_fd < 0 ? Links::All : Links::NotMagic; }
};

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0)
            close(fd_);
    }
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&) = delete;
    int get() const { return fd_; }
    bool valid() const { return fd_ >= 0; }

  private:
    int fd_;
};

// The whole file, and which file it was.
Outcome<std::vector<char>> read_file(const std::string &path, FileIdentity *identity, Links links) {
    Descriptor fd(TRY(open_regular(AT_FDCWD, path, O_RDONLY, 0, path, links)));
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, path, "stat");
    *identity = identity_of(st);
    std::vector<char> bytes(static_cast<size_t>(st.st_size));
    for (size_t done = 0; done < bytes.size();) {
        ssize_t count = read(fd.get(), bytes.data() + done, bytes.size() - done);
        if (count < 0)
            return Failure::system(errno, path, "read");
        if (count == 0)
            return Failure::about(path, "became shorter while it was read; try again", done);
        done += static_cast<size_t>(count);
    }
    return bytes;
}

Done write_all(int fd, const std::string &path, const std::vector<char> &bytes) {
    for (size_t done = 0; done < bytes.size();) {
        ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
        if (count < 0)
            return Failure::system(errno, path, "write");
        done += static_cast<size_t>(count);
    }
    if (fchmod(fd, 0755) != 0 || fsync(fd) != 0)
        return Failure::system(errno, path, "fsync");
    return Success{};
}

// Where the result goes: an open directory, since its path may be somebody else's.
struct Output {
    std::string path, name;
    Descriptor directory;
};

Outcome<Output> open_output(const std::string &path, Links links) {
    const size_t name = path.rfind('/') + 1; // 0: there is no slash
    const std::string parent = name == 0 ? "." : path.substr(0, name);
    Descriptor directory(open_at(AT_FDCWD, parent.c_str(), O_RDONLY | O_DIRECTORY, 0, links));
    if (!directory.valid())
        return open_failure(errno, parent, "open", links);
    return Output{path, path.substr(name), std::move(directory)};
}

// A new file beside `output`, whose name is made from the process's number.
Outcome<int> create_temporary(const Output &output, std::string *name) {
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        *name = output.name + "." + std::to_string(getpid()) + "-" + std::to_string(attempt);
        int fd = openat(output.directory.get(), name->c_str(),
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return int(fd);
        if (errno != EEXIST) // that of one that was killed
            break;
    }
    return Failure::system(errno, output.path, "create");
}

// Makes the patched file under a temporary name, then renames it: its inode number, which the rename
// keeps, goes into the file.
Done write_patched(PatchRequest *request, const Output &output) {
    std::string temporary;
    Descriptor fd(TRY(create_temporary(output, &temporary)));
    const int directory = output.directory.get();
    struct stat st;
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, output.path, "stat");
    request->own_dev = st.st_dev;
    request->own_ino = st.st_ino;
    auto finish = [&]() -> Done {
        std::vector<char> patched = TRY(patch_loader(*request));
        TRY(write_all(fd.get(), output.path, patched));
        if (renameat(directory, temporary.c_str(), directory, output.name.c_str()) != 0)
            return Failure::system(errno, output.path, "rename");
        if (fsync(directory) != 0) // the rename itself
            return Failure::system(errno, output.path, "fsync");
        return Success{};
    };
    Done done = finish();
    if (!done.ok())
        unlinkat(directory, temporary.c_str(), 0);
    return done;
}

Outcome<std::string> canonical(const std::string &path) {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr)
        return Failure::system(errno, path, "realpath");
    return std::string(resolved);
}

// Whether the builder is as trusted as this program: starts by root would execute it. Owned by root, by the
// caller or by the owner of this very file, and written by nobody else.
bool is_trusted(const std::string &path) {
    struct stat st, own;
    return stat(path.c_str(), &st) == 0 && stat("/proc/self/exe", &own) == 0 &&
           (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == own.st_uid) &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

// From here on paths are those of another system, which has its ld.so but not our stages.
Done enter_root(const Options &options) {
    const std::string &root = options.root;
    if (options.links() == Links::All)
        return Success{};
    if ((options.root_fd < 0 ? chdir(root.c_str()) : fchdir(options.root_fd)) != 0 || chroot(".") != 0)
        return Failure::system(errno, root, "cannot become the root directory");
    return Success{};
}

Done make_loader(const Options &options) {
    PatchRequest request;
    FileIdentity unused;
    request.stage1_path = options.stage1;
    request.stage1 = TRY(read_file(options.stage1, &unused, Links::All));
    request.tail_path = options.tail;
    request.tail = TRY(read_file(options.tail, &unused, Links::All));
    TRY(enter_root(options));
    request.loader_path = TRY(canonical(options.loader));
    request.loader = TRY(read_file(request.loader_path, &request.loader_identity, options.links()));
    request.state = TRY(canonical(options.state));
    if (!options.builder.empty())
        request.builder = TRY(canonical(options.builder));
    if (!request.builder.empty() && !is_trusted(request.builder)) {
        fprintf(stderr, "make-ld-dyld: %s: others may write it; no sets are built in the background\n",
                request.builder.c_str());
        request.builder.clear();
    }
    return write_patched(&request, TRY(open_output(options.output, options.links())));
}

constexpr char kUsage[] =
    "usage: make-ld-dyld --ldso PATH --stage1 FILE --tail FILE --state DIR --output FILE\n"
    "                    [--builder DYLDCTL] [--root ROOT [--root-fd N]]\n"
    "Makes ld-dyld.so: a copy of ld.so PATH that starts programs from the shared cache of state\n"
    "directory DIR (which must exist), with our code in it: dyld-stage1.bin and dyld-tail.bin.\n"
    "DYLDCTL builds users' own sets in the background (DYLD_USE_CLOSURES=1).\n"
    "With --root all paths but those of --stage1 and --tail are meant below directory ROOT,\n"
    "which may be open as descriptor N: ROOT is its name in messages then.\n";

bool parse_options(int argc, char **argv, Options *options) {
    static const struct option kOptions[] = {
        {"ldso", required_argument, nullptr, 'l'},    {"stage1", required_argument, nullptr, '1'},
        {"tail", required_argument, nullptr, 't'},    {"state", required_argument, nullptr, 's'},
        {"builder", required_argument, nullptr, 'b'}, {"output", required_argument, nullptr, 'o'},
        {"root", required_argument, nullptr, 'r'},    {"root-fd", required_argument, nullptr, 'f'},
        {"help", no_argument, nullptr, 'h'},          {nullptr, 0, nullptr, 0},
    };
    for (int key; (key = getopt_long(argc, argv, "h", kOptions, nullptr)) != -1;) {
        switch (key) {
        case 'l':
            options->loader = optarg;
            break;
        case '1':
            options->stage1 = optarg;
            break;
        case 't':
            options->tail = optarg;
            break;
        case 'b':
            options->builder = optarg;
            break;
        case 's':
            options->state = optarg;
            break;
        case 'o':
            options->output = optarg;
            break;
        case 'r':
            options->root = optarg;
            break;
        case 'f':
            options->root_fd = atoi(optarg);
            break;
        case 'h':
            fputs(kUsage, stdout);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc && !options->loader.empty() && !options->stage1.empty() && !options->tail.empty() &&
           !options->state.empty() && !options->output.empty();
}

} // namespace

int main(int argc, char **argv) {
    Options options;
    if (!parse_options(argc, argv, &options)) {
        fputs(kUsage, stderr);
        return 2;
    }
    Done done = make_loader(options);
    if (!done.ok()) {
        fprintf(stderr, "make-ld-dyld: %s\n", done.error().message().c_str());
        return 1;
    }
    return 0;
}
