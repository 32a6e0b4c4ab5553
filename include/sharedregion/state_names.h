// SPDX-License-Identifier: GPL-2.0-or-later
// Names in a state directory that ld-dyld.so or the shim know, too.
#pragma once

namespace sharedregion {

inline constexpr char kLoaderName[] = "ld-dyld.so";
inline constexpr char kShimName[] = "libdyldshim.so"; // what LD_PRELOAD names
inline constexpr char kAliasName[] = "genuine-ld.so"; // link to the ld.so that ld-dyld.so was made from
inline constexpr char kRegionName[] = "active/region";

} // namespace sharedregion
