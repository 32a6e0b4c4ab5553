// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/preload/own_program.h"

#include "libdyldshim/preload/kernel.h"

#include <elf.h>
#include <sys/auxv.h>

namespace sharedregion {
namespace {

// Reads /proc/self/maps character by character.
class Maps {
  public:
    explicit Maps(int fd) : fd_(fd) {}
    // The next character; 0: the end.
    char next() {
        if (at_ == size_) {
            long got = sys_read(fd_, buffer_, sizeof buffer_);
            size_ = got > 0 ? static_cast<uint64_t>(got) : 0;
            at_ = 0;
        }
        return at_ < size_ ? buffer_[at_++] : 0;
    }
    // A hexadecimal number; the character behind it is taken too.
    uint64_t number() {
        uint64_t value = 0;
        for (;;) {
            char c = next();
            if (c >= '0' && c <= '9')
                value = value << 4 | static_cast<uint64_t>(c - '0');
            else if (c >= 'a' && c <= 'f')
                value = value << 4 | static_cast<uint64_t>(c - 'a' + 10);
            else
                return value;
        }
    }
    void skip_line() {
        for (char c = next(); c != '\n' && c != 0;)
            c = next();
    }

  private:
    int fd_;
    uint64_t at_ = 0, size_ = 0;
    char buffer_[1024];
};

// The rest of a line behind the addresses: "r-xp OFFSET DEVICE INODE   PATH", where a newline in the path is
// \012. Returns its length, 0 where there is none or no room.
uint64_t read_path(Maps *maps, char *out, uint64_t size) {
    char c;
    while ((c = maps->next()) != '/')
        if (c == '\n' || c == 0)
            return 0;
    uint64_t length = 0;
    for (; c != '\n' && c != 0; c = maps->next()) {
        if (length + 1 >= size)
            return 0;
        out[length++] = c;
        if (length >= 4 && equal_bytes(out + length - 4, "\\012", 4)) {
            length -= 3;
            out[length - 1] = '\n';
        }
    }
    out[length] = 0;
    return length;
}

bool find_mapped_file(uint64_t address, char *out, uint64_t size) {
    int fd = sys_open("/proc/self/maps");
    if (fd < 0)
        return false;
    Maps maps(fd);
    uint64_t length = 0;
    for (uint64_t begin; (begin = maps.number()) != 0;) {
        uint64_t end = maps.number();
        if (begin <= address && address < end) {
            length = read_path(&maps, out, size);
            break;
        }
        maps.skip_line();
    }
    sys_close(fd);
    return length != 0;
}

// Whether the kernel calls the executable ld-dyld.so; it appends " (deleted)" where a new one took its place.
bool is_loader(const char *path, uint64_t size) {
    constexpr char kName[] = "/ld-dyld.so", kDeleted[] = " (deleted)";
    constexpr uint64_t kNameSize = sizeof kName - 1, kDeletedSize = sizeof kDeleted - 1;
    if (size > kDeletedSize && equal_bytes(path + size - kDeletedSize, kDeleted, kDeletedSize))
        size -= kDeletedSize;
    return size >= kNameSize && equal_bytes(path + size - kNameSize, kName, kNameSize);
}

const char *after_number(const char *text, uint64_t *value) {
    *value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        *value = *value * 10 + static_cast<uint64_t>(*text - '0');
    return text;
}

} // namespace

bool is_own_program(const char *path) {
    const char *name = path != nullptr ? after_prefix(path, "/proc/") : nullptr;
    if (name == nullptr)
        return false;
    if (equal_strings(name, "self/exe") || equal_strings(name, "thread-self/exe"))
        return true;
    uint64_t pid;
    const char *rest = after_number(name, &pid);
    return rest != name && equal_strings(rest, "/exe") && pid == static_cast<uint64_t>(sys_getpid());
}

bool is_started_by_loader(char *buffer, uint64_t size) {
    long length = sys_readlink(kOwnProgram, buffer, size);
    return !is_error(length) && is_loader(buffer, static_cast<uint64_t>(length));
}

bool own_program_path(char *out, uint64_t size) {
    return is_started_by_loader(out, size) && find_mapped_file(getauxval(AT_PHDR), out, size);
}

} // namespace sharedregion
