// SPDX-License-Identifier: GPL-2.0-or-later
// The few string and memory functions of the stages. (memory.cc defines memcpy and friends, which the
// compiler may call; they are not for direct use.)
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace sharedregion {

inline uint64_t length_of(const char *text) {
    uint64_t size = 0;
    while (text[size] != 0)
        size++;
    return size;
}

inline bool equal_bytes(const void *a, const void *b, uint64_t size) {
    return __builtin_memcmp(a, b, size) == 0;
}

// The same for N bytes as 64-bit words: shorter code than a call or a loop.
template <uint64_t N> inline bool equal_words(const void *a, const void *b) {
    static_assert(N % sizeof(uint64_t) == 0);
    uint64_t difference = 0;
    for (uint64_t i = 0; i < N; i += sizeof(uint64_t)) {
        uint64_t left, right;
        __builtin_memcpy(&left, static_cast<const char *>(a) + i, sizeof left);
        __builtin_memcpy(&right, static_cast<const char *>(b) + i, sizeof right);
        difference |= left ^ right;
    }
    return difference == 0;
}

inline bool equal_strings(const char *a, const char *b) {
    while (*a == *b && *a != 0) {
        a++;
        b++;
    }
    return *a == *b;
}

inline bool has_slash(const char *text) {
    while (*text != 0 && *text != '/')
        text++;
    return *text == '/';
}

// What follows `prefix` in `text`; nullptr where `text` does not begin with it.
inline const char *after_prefix(const char *text, const char *prefix) {
    for (; *prefix != 0; text++, prefix++)
        if (*text != *prefix)
            return nullptr;
    return text;
}

// Text in [begin, end) of a buffer: what does not fit is cut off.
struct TextBuffer {
    char *at;
    char *end;
};

// Appends `text` up to its NUL or to `stop`.
inline void append(TextBuffer *out, const char *text, char stop = 0) {
    while (*text != 0 && *text != stop && out->at < out->end)
        *out->at++ = *text++;
}

inline void append_number(TextBuffer *out, unsigned number) {
    char digits[12], *at = digits + sizeof digits;
    *--at = 0;
    do
        *--at = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    append(out, at);
}

} // namespace sharedregion
