// SPDX-License-Identifier: GPL-2.0-or-later
// memcpy, memset, memmove and memcmp for freestanding code: the compiler may call them.
#include <stddef.h>

extern "C" {

void *memcpy(void *to, const void *from, size_t size) {
    void *result = to;
    size_t words = size / 8;
    size %= 8;
    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memset(void *to, int byte, size_t size) {
    void *result = to;
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size) {
    if (static_cast<char *>(to) - static_cast<const char *>(from) >= 0 &&
        static_cast<const char *>(to) < static_cast<const char *>(from) + size) {
        char *out = static_cast<char *>(to) + size;
        const char *in = static_cast<const char *>(from) + size;
        while (size-- != 0)
            *--out = *--in;
        return to;
    }
    return memcpy(to, from, size);
}

int memcmp(const void *a, const void *b, size_t size) {
    const auto *left = static_cast<const unsigned char *>(a);
    const auto *right = static_cast<const unsigned char *>(b);
    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] - right[i];
    return 0;
}
}
