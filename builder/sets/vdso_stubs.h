// SPDX-License-Identifier: GPL-2.0-or-later
// Pointers to functions of the vDSO, which IFUNC resolvers return (glibc: time, gettimeofday), without a page
// per process.
//
// The vDSO lies elsewhere in every process, so such a pointer in a library's relro would cost each start the
// page, a write and an mprotect(2). ld.so keeps the same pointers in its own read-only data
// (GLRO(dl_vdso_time) and so on, glibc sysdeps/unix/sysv/linux/dl-vdso-setup.h), which is private to the
// process anyway. A stub in the cache jumps by that word, and all other words hold the stub's address, which
// is the same in all processes.
#pragma once

#include "builder/capture/capture.h"
#include "sharedregion/cache_format.h"

namespace sharedregion {

// Of stub i: region offset of the word of ld.so that it jumps by; 0: none.
using VdsoWords = std::array<uint64_t, kVdsoStubs>;

// Region offsets of what each process writes at once: ld.so's image, then the loader heap.
struct LoaderExtent {
    VMOffset image, heap, end;
};

// Adds the words that the program's other pointers can be served by; a full table takes no more.
void choose_vdso_words(const ProgramCapture &capture, const LoaderExtent &loader, const BaseContent &base,
                       VdsoWords *words);

// Makes each word outside of ld.so's data and heap that holds the same as one of `words` the address of its
// stub, which activation slides. The others stay what they are.
void use_vdso_stubs(const VdsoWords &words, const LoaderExtent &loader, const BaseContent &base,
                    ProgramCapture *capture);

// The code of stub i.
std::array<std::byte, kVdsoStubSize> vdso_stub(size_t i, uint64_t word);

} // namespace sharedregion
