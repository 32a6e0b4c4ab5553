// SPDX-License-Identifier: GPL-2.0-or-later
// A fast checksum against damage, not against malice: for what a start reads from a file that only its owner
// can write.
//
// Four independent chains of xor, multiplication and rotation over 64-bit words: each step is a bijection of
// the chain and of the word, so any change inside one word changes the result. No table, no vector registers,
// so it also runs before libc: 10 GB/s and more, where the reader of a set would else spend more than on
// starting.
#pragma once

#include <stdint.h>

namespace sharedregion {

// `size` is a multiple of 32, `data` 8-byte aligned.
inline uint64_t checksum(const void *data, uint64_t size, uint64_t seed = 0) {
    constexpr uint64_t kFactor = 0x9e3779b97f4a7c15; // odd; 2^64 divided by the golden ratio
    const auto step = [](uint64_t chain, uint64_t word) {
        chain = (chain ^ word) * kFactor;
        return chain << 29 | chain >> 35;
    };
    const auto *words = static_cast<const uint64_t *>(data);
    uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3;
    for (const uint64_t *end = words + size / 8; words != end; words += 4) {
        a = step(a, words[0]);
        b = step(b, words[1]);
        c = step(c, words[2]);
        d = step(d, words[3]);
    }
    return step(step(step(step(size, a), b), c), d);
}

} // namespace sharedregion
