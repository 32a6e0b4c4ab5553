// SPDX-License-Identifier: GPL-2.0-or-later
// From an Error of a view to a Failure that names the file.
#pragma once

#include "sharedregion/failure.h"

namespace sharedregion {

template <class T> Outcome<T> in_file(Result<T> result, const std::string &path) {
    if (!result.ok())
        return Failure::of(result.error(), path);
    return std::move(result.value());
}

} // namespace sharedregion
