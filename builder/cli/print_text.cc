// SPDX-License-Identifier: GPL-2.0-or-later
// JSON values as text for people.
#include "builder/cli/dump.h"
#include "sharedregion/printable.h"

#include <cstdio>

namespace sharedregion {

void print_text(const nlohmann::ordered_json &json, int depth) {
    for (const auto &[key, value] : json.items()) {
        std::string name = json.is_array() ? "-" : printable(key) + ":";
        if (value.is_structured() && !value.empty()) {
            printf("%*s%s\n", depth * 2, "", name.c_str());
            print_text(value, depth + 1);
        } else {
            std::string text = value.is_string()       ? printable(value.get<std::string>())
                               : value.is_structured() ? "none"
                                                       : to_text(value);
            printf("%*s%s %s\n", depth * 2, "", name.c_str(), text.c_str());
        }
    }
}

} // namespace sharedregion
