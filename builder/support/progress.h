// SPDX-License-Identifier: GPL-2.0-or-later
// Where a build says how far it is. Library code never prints; a command implements report().
#pragma once

#include <atomic>
#include <stdint.h>

namespace sharedregion {

class Progress {
  public:
    virtual ~Progress() = default;
    // `done` of `total` items of a phase (a literal, one word). Called from any thread.
    virtual void report(uint64_t done, uint64_t total, const char *phase) = 0;
};

// Counts the items of one phase.
class ProgressCounter {
  public:
    ProgressCounter(Progress &progress, uint64_t total, const char *phase)
        : progress_(progress), total_(total), phase_(phase) {
        progress_.report(0, total_, phase_);
    }
    void advance() { progress_.report(++done_, total_, phase_); }

  private:
    Progress &progress_;
    uint64_t total_;
    const char *phase_;
    std::atomic<uint64_t> done_ = 0;
};

} // namespace sharedregion
