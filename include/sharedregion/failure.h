// SPDX-License-Identifier: GPL-2.0-or-later
// Hosted errors: an Error plus the file it is about, and how it is told to a person.
//
// For builder and daemon (needs libstdc++); the start-up code uses plain Error.
#pragma once

#include "sharedregion/result.h"

#include <cstring>
#include <string>

namespace sharedregion {

// `file` is the path the error is about (empty: none), `what` what is wrong and what to do,
// `code` an errno value, `where` an offset in bytes or kNoOffset.
struct [[nodiscard]] Failure {
    static constexpr uint64_t kNoOffset = ~0ULL;

    int code = 0;
    std::string file;
    std::string what;
    uint64_t where = kNoOffset;

    static Failure of(const Error &error, std::string file) {
        return Failure{error.code, std::move(file), error.what, error.where};
    }
    // For a system call that failed on `file`: `doing` names the call or the step.
    static Failure system(int code, std::string file, std::string doing) {
        return Failure{code, std::move(file), std::move(doing) + ": " + std::strerror(code), kNoOffset};
    }
    static Failure about(std::string file, std::string what, uint64_t where = kNoOffset, int code = 22) {
        return Failure{code, std::move(file), std::move(what), where};
    }

    // One line for a person: "FILE: at offset 0x40: WHAT".
    std::string message() const {
        std::string text = file.empty() ? "" : file + ": ";
        if (where != kNoOffset) {
            char offset[32];
            snprintf(offset, sizeof offset, "at offset 0x%llx: ", static_cast<unsigned long long>(where));
            text += offset;
        }
        return text + what;
    }
};

template <class T> using Outcome = Result<T, Failure>;
using Done = Result<Success, Failure>;

} // namespace sharedregion
