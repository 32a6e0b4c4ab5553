// SPDX-License-Identifier: GPL-2.0-or-later
// How an activation and left-out sets are told, as text and as JSON.
#pragma once

#include "daemon/activation/activation.h"
#include "daemon/dyldctl/command.h"

namespace sharedregion {

Json to_json(const Stale &stale);
// "bytes" of text that can be mapped by large pages, and how many are ("large").
Json to_json(const LargeText &text);
// "bytes" of text that can be mapped by large pages, and how many are ("large").
Json to_json(const LargeText &text);
Json to_json(const Activation &activation);
// Notes on stderr: what the person should know about a new activation.
void tell(const Context &context, const Activation &activation);

} // namespace sharedregion
