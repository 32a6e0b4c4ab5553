// SPDX-License-Identifier: GPL-2.0-or-later
// An executable mapped by us instead of by the kernel.
#pragma once

#include <stdint.h>

namespace sharedregion {

struct MappedProgram {
    int fd = -1;
    uint64_t begin = 0, end = 0; // mapped pages; both 0: nothing
    uint64_t phdr = 0, phdr_count = 0, entry = 0;
};

// Opens and maps the executable at `path`, which may be a descriptor's in /proc: an ET_DYN at a random place
// below the one where the kernel begins the heap of a program without interpreter, which ld-dyld.so is here:
// so that brk(2) has room to grow. False, with nothing left behind: it cannot be opened, or is not such a
// file that a set could be for. Whether it is the file of the set, its interpreter among others, is the set's
// matter.
bool map_program(const char *path, MappedProgram *program);
void unmap_program(const MappedProgram &program);

} // namespace sharedregion
