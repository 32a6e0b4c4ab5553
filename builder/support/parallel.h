// SPDX-License-Identifier: GPL-2.0-or-later
// Loops over indices on all threads of the build (oneTBB; --jobs sets how many there are).
#pragma once

#include "sharedregion/failure.h"

#include <cstddef>
#include <optional>
#include <tbb/parallel_for.h>
#include <vector>

namespace sharedregion {

// Calls work(i) for each i in [0, count), in any order. One index is one task: items are large.
template <class Work> void parallel_each(size_t count, Work work) {
    tbb::parallel_for(
        tbb::blocked_range<size_t>(0, count, 1),
        [&](const tbb::blocked_range<size_t> &range) {
            for (size_t i = range.begin(); i != range.end(); i++)
                work(i);
        },
        tbb::simple_partitioner());
}

// The same for work that can fail: the failure with the lowest index is returned, so that the message does
// not depend on timing.
template <class Work> Done parallel_try(size_t count, Work work) {
    std::vector<std::optional<Failure>> failures(count);
    parallel_each(count, [&](size_t i) {
        Done done = work(i);
        if (!done.ok())
            failures[i] = std::move(done.error());
    });
    for (std::optional<Failure> &failure : failures)
        if (failure)
            return std::move(*failure);
    return Success{};
}

} // namespace sharedregion
