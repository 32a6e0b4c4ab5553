// SPDX-License-Identifier: GPL-2.0-or-later
// The cache's strings: each text once, NUL-terminated; offset 0 is the empty string, so that the
// table serves as .strtab too.
#pragma once

#include "sharedregion/file_header.h"

#include <string_view>
#include <unordered_set>
#include <vector>

namespace sharedregion {

class StringTable {
  public:
    StringTable() : text_(1, '\0'), known_(0, Hash{this}, Equal{this}) {}
    StringTable(StringTable &&) = delete;

    // The text must hold no NUL.
    StringRef add(std::string_view text);
    const std::vector<char> &text() const { return text_; }

  private:
    // The set holds offsets only, so that each text is in memory once.
    struct Entry {
        uint32_t offset, size;
    };
    std::string_view view(Entry entry) const { return {text_.data() + entry.offset, entry.size}; }
    struct Hash {
        using is_transparent = void;
        const StringTable *table;
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
        size_t operator()(Entry entry) const { return (*this)(table->view(entry)); }
    };
    struct Equal {
        using is_transparent = void;
        const StringTable *table;
        bool operator()(std::string_view a, Entry b) const { return a == table->view(b); }
        bool operator()(Entry a, std::string_view b) const { return table->view(a) == b; }
        bool operator()(Entry a, Entry b) const { return table->view(a) == table->view(b); }
    };

    std::vector<char> text_;
    std::unordered_set<Entry, Hash, Equal> known_;
};

} // namespace sharedregion
