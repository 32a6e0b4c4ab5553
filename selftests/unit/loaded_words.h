// SPDX-License-Identifier: GPL-2.0-or-later
// What the genuine ld.so made of a program's libraries: the output of fixtures/binder/dump_words.c.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sharedregion::testing {

struct LoadedSegment {
    uint64_t vaddr;
    std::vector<unsigned char> bytes;
};

struct LoadedLibrary {
    std::string path;                    // canonical; the program itself has an empty one
    uint64_t address;                    // load bias
    std::vector<LoadedSegment> segments; // writable ones

    // The word at a VA of the library; false where no segment holds it.
    bool word(uint64_t vaddr, uint64_t *value) const;
};

// Runs a dump_* program with LD_BIND_NOW=1; empty, with a test failure, where that does not work.
std::vector<LoadedLibrary> load_words(const std::string &program);

} // namespace sharedregion::testing
