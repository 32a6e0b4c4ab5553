// SPDX-License-Identifier: GPL-2.0-or-later
// The configuration block of ld-dyld.so: what make-ld-dyld tells the first stage about this machine.
//
// It lies inside the first stage, kConfigOffset bytes behind the entry point, so that both sides (and
// a first stage that looks at some other ld.so) find it without symbols. The strings it names lie
// in zero slack of the same file. Nothing in it is an absolute address.
#pragma once

#include "sharedregion/file_header.h"

namespace sharedregion {

inline constexpr char kLoaderConfigMagic[8] = {'S', 'H', 'R', 'G', 'L', 'D', 'S', 'O'};
inline constexpr uint32_t kLoaderConfigVersion = 3;
inline constexpr uint64_t kConfigOffset = 64; // from the first stage's entry point

struct LoaderConfig {
    char magic[8];          // kLoaderConfigMagic
    uint32_t version;       // kLoaderConfigVersion
    uint32_t size;          // sizeof(LoaderConfig)
    uint64_t address;       // ELF VA of this block in ld-dyld.so
    uint64_t genuine_entry; // ELF VA of the genuine entry point
    uint64_t resume;        // ELF VA behind the call of _dl_start: where a prebuilt start goes on
    FileIdentity genuine;   // of the ld.so that this one was made from
    uint64_t own_dev;       // of ld-dyld.so itself: what its path means where it is bind-mounted there
    uint64_t own_ino;
    uint64_t genuine_path; // ELF VAs of NUL-terminated strings: the genuine ld.so's canonical path,
    uint64_t alias_path;   // STATE/genuine-ld.so, where `dyldctl run` keeps it reachable,
    uint64_t region_path;  // and STATE/active/region
    uint64_t tail;         // ELF VA of the tail (shared/tail.h)
    uint64_t builder_path; // string: the dyldctl that builds users' sets; empty: none
};
static_assert(sizeof(LoaderConfig) == 136);

} // namespace sharedregion
