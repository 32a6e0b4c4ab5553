// SPDX-License-Identifier: GPL-2.0-or-later
// A small generation made by hand: one library, one or more programs, every kind of record and page.
//
// For tests of what reads generations (activation, dyldctl), without a builder. Files that the records
// name really exist below the test's directory.
#pragma once

#include "sharedregion/cache_format.h"
#include "sharedregion/failure.h"
#include "sharedregion/set_format.h"

#include <string>
#include <vector>

namespace sharedregion {

// Layout of the synthetic cache, in region offsets.
inline constexpr uint64_t kSynText = 0x1000, kSynData = 0x3000, kSynDataSize = 0x3000, kSynLoader = 0x6000,
                          kSynMapped = 0x7000, kSynHeap = 0x7000, kSynHeapSize = 0x10000,
                          kSynRegion = 0x20000;
// Words of its data that slide, and what they hold in the file.
inline constexpr uint64_t kSynSlideA = kSynData + 0x10, kSynSlideB = kSynData + 0x2008;
inline constexpr uint64_t kSynValueA = kSynText + 0x40, kSynValueB = kSynData + 0x88;
inline constexpr uint64_t kSynRegionSize = kSynRegion;

struct SyntheticProgram {
    std::string path; // an existing file
    uint64_t key;
    std::vector<std::string> absent;
    std::string reject; // a reason: rejected
};

struct SyntheticGeneration {
    std::string library;     // an existing file
    std::string loader_path; // of ld.so
    std::vector<SyntheticProgram> programs;
    uint64_t region_size = kSynRegionSize;
    Environment machine = {}; // CPU and kernel; what is about ld.so is filled in
};

// The bytes of both files.
std::vector<unsigned char> make_synthetic_cache(const SyntheticGeneration &generation);
std::vector<unsigned char> make_synthetic_sets(const SyntheticGeneration &generation, const Uuid &cache_uuid);

// Both files in `directory`, which is made. False: a file could not be written.
bool write_synthetic_generation(const SyntheticGeneration &generation, const std::string &directory);

// Hashes again after a change of the body, so that only a cross-check can see it.
void reseal(std::vector<unsigned char> *file, uint64_t header_offset);

bool write_file(const std::string &path, const void *data, size_t size);
std::vector<unsigned char> read_whole_file(const std::string &path);

} // namespace sharedregion
