// SPDX-License-Identifier: GPL-2.0-or-later
// Files of a generation as JSON; the text form is made from it (dump_command.cc).
#pragma once

#include "sharedregion/result.h"
#include "sharedregion/view.h"

#include <nlohmann/json.hpp>

namespace sharedregion {

// Errors: what the views say is damaged, with the file offset.
Result<nlohmann::ordered_json> cache_json(ByteView file, bool with_exports);
Result<nlohmann::ordered_json> sets_json(ByteView file);

// For people: objects as indented `key: value` lines, elements of an array after a dash.
void print_text(const nlohmann::ordered_json &json, int depth = 0);

// Paths are bytes, JSON is UTF-8: invalid sequences become U+FFFD.
inline std::string to_text(const nlohmann::ordered_json &json) {
    return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace sharedregion
