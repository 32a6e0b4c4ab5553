// SPDX-License-Identifier: GPL-2.0-or-later
// Stable words for why a program has no set, as far as it is known before capture.
#pragma once

namespace sharedregion::reject {

inline constexpr char kNotFound[] = "not-found";
inline constexpr char kNoPermission[] = "no-permission";
inline constexpr char kNotElf[] = "not-elf";
inline constexpr char kMalformedElf[] = "malformed-elf";
inline constexpr char kOtherMachine[] = "other-machine";
inline constexpr char kStatic[] = "static";
inline constexpr char kOtherInterpreter[] = "other-interpreter";
inline constexpr char kSetUserId[] = "setuid";
inline constexpr char kTextRelocations[] = "text-relocations";
inline constexpr char kMissingLibrary[] = "missing-library";
inline constexpr char kTimeout[] = "timeout";
inline constexpr char kUnsupportedLibrary[] = "unsupported-library"; // a library that the cache cannot hold

} // namespace sharedregion::reject
