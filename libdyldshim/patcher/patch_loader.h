// SPDX-License-Identifier: GPL-2.0-or-later
// From the bytes of a genuine ld.so to those of ld-dyld.so.
#pragma once

#include "libdyldshim/config.h"
#include "sharedregion/failure.h"

#include <string>
#include <vector>

namespace sharedregion {

struct PatchRequest {
    std::string loader_path; // canonical, of the genuine ld.so
    FileIdentity loader_identity;
    std::vector<char> loader;
    std::string stage1_path; // for messages
    std::vector<char> stage1;
    std::string tail_path; // for messages
    std::vector<char> tail;
    std::string state;   // absolute path of the state directory
    std::string builder; // of dyldctl; empty: users' sets are not built in the background
    uint64_t own_dev;    // of the file that the result is written to
    uint64_t own_ino;
};

// Puts the first stage into the slack behind ld.so's text, the path that it needs into what slack is left,
// the entry point to the first stage, and the tail into a segment behind all others. Everything else stays
// byte for byte as it is, but for the program headers: segments grow, the read-only ones become one, and
// the writable one moves in the file (append_tail.h). Errors name file and offset; nothing is written.
Outcome<std::vector<char>> patch_loader(const PatchRequest &request);

} // namespace sharedregion
