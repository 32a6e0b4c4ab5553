// SPDX-License-Identifier: GPL-2.0-or-later
// Fixed-size records and the bytes they make.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <vector>

namespace sharedregion {

template <class T> void append_record(std::vector<std::byte> *bytes, const T &record) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto *begin = reinterpret_cast<const std::byte *>(&record);
    bytes->insert(bytes->end(), begin, begin + sizeof(T));
}

template <class T> std::vector<std::byte> to_bytes(const std::vector<T> &records) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<std::byte> bytes(records.size() * sizeof(T));
    if (!records.empty())
        std::memcpy(bytes.data(), records.data(), bytes.size());
    return bytes;
}

} // namespace sharedregion
