// SPDX-License-Identifier: GPL-2.0-or-later
// Large pages in the page cache, so that one page fault maps 2 MiB of what a start needs.
//
// All of it is best effort: what a kernel or file system does not offer stays as it is, and works.
#pragma once

#include "daemon/activation/generation.h"

namespace sharedregion {

struct LargeText {
    uint64_t bytes = 0; // of the cache's slots that hold no data (docs/builder.md)
    uint64_t large = 0; // of them, what the kernel maps by large pages
};

// How it is now. Reads nothing from the disk.
LargeText count_large_text(const Generation &generation);

// Brings the text into the page cache as large pages: as it is, or by MADV_COLLAPSE (Linux 6.1 with
// CONFIG_READ_ONLY_THP_FOR_FS), or by dropping it and reading it again through a mapping that asks for
// large pages (file systems with large folios: XFS, ext4 since Linux 6.16).
LargeText make_text_large(const Generation &generation);

// The same for a file in a tmpfs, whatever the mount's huge= says (MADV_COLLAPSE; not with shmem_enabled
// `deny`). The file then takes whole 2 MiB of memory, holes included. `fd` is open for reading and writing.
void make_file_large(int fd, uint64_t size);

} // namespace sharedregion
