// SPDX-License-Identifier: GPL-2.0-or-later
// ld-dyld.so.stamp: what STATE/ld-dyld.so was made from, and which file it is.
//
// Needed to start programs even where the current generation is damaged, and to know when ld-dyld.so has
// to be made again.
#pragma once

#include "daemon/files/mapped_file.h"
#include "daemon/state/state.h"
#include "sharedregion/state_names.h"

#include <optional>

namespace sharedregion {

struct RecordedFile {
    std::string path;
    FileIdentity identity;
    bool operator==(const RecordedFile &) const = default;
};

// The file as it is now.
RecordedFile recorded_now(const std::string &path);

struct LoaderRecord {
    RecordedFile genuine; // the machine's ld.so, canonical
    RecordedFile stage1;  // dyld-stage1.bin
    RecordedFile tail;    // dyld-tail.bin
    RecordedFile result;  // STATE/ld-dyld.so
    bool operator==(const LoaderRecord &) const = default;

    // nullopt: none, or not readable as one.
    static std::optional<LoaderRecord> read(const StateDirectory &state);
    Done write(const StateDirectory &state) const;
};

inline constexpr char kLoaderRecordName[] = "ld-dyld.so.stamp";
inline constexpr char kGenuineDirectoryName[] = "genuine";

} // namespace sharedregion
