// SPDX-License-Identifier: GPL-2.0-or-later
// See string_table.h.
#include "builder/model/string_table.h"

namespace sharedregion {

StringRef StringTable::add(std::string_view text) {
    if (text.empty())
        return {0, 0};
    auto found = known_.find(text);
    if (found != known_.end())
        return {found->offset, found->size};
    Entry entry{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text.size())};
    text_.insert(text_.end(), text.begin(), text.end());
    text_.push_back('\0');
    known_.insert(entry);
    return {entry.offset, entry.size};
}

} // namespace sharedregion
