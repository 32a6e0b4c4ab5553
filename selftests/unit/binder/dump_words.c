// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the writable segments of all its libraries, as ld.so has relocated them, to the file argv[1]:
// what the binder is compared with. Run with LD_BIND_NOW=1.
//
// Per library: {load address, bytes of path, segments}, path, then per segment {VA, bytes}, content. All
// numbers are 64 bits wide. Uses no stdio, so that it refers to no data of libc.
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static int failed;

static void put(int fd, const void *bytes, size_t size) {
    failed |= write(fd, bytes, size) != (ssize_t)size;
}

static uint64_t writable_segments(const struct dl_phdr_info *info) {
    uint64_t count = 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        count += info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_W);
    return count;
}

static int dump_one(struct dl_phdr_info *info, size_t size, void *argument) {
    int fd = *(int *)argument;
    uint64_t head[3] = {info->dlpi_addr, strlen(info->dlpi_name), writable_segments(info)};
    (void)size;
    put(fd, head, sizeof head);
    put(fd, info->dlpi_name, head[1]);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
        uint64_t segment[2] = {phdr->p_vaddr, phdr->p_filesz};
        if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_W))
            continue;
        put(fd, segment, sizeof segment);
        put(fd, (const void *)(info->dlpi_addr + phdr->p_vaddr), phdr->p_filesz);
    }
    return 0;
}

int main(int argc, char **argv) {
    int fd = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd < 0)
        return 2;
    dl_iterate_phdr(dump_one, &fd);
    return failed;
}
