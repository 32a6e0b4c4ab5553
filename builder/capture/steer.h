// SPDX-License-Identifier: GPL-2.0-or-later
// Steering: what ld.so maps goes to its planned place, what it tells the kernel is written down, and
// any other system call that changes something rejects the program.
#pragma once

#include "builder/capture/tracer.h"

namespace sharedregion {

// A range of addresses of one process.
struct AddressRange {
    uint64_t begin = 0;
    uint64_t end = 0;
    bool holds(uint64_t address, uint64_t size = 1) const {
        return address >= begin && address < end && size <= end - address;
    }
};

// What one run did, with the addresses of that process.
struct SteerLog {
    std::vector<const PlannedImage *> images; // in the order of loading: the link map's order
    std::vector<std::string> opened;          // the path by which each was found
    std::vector<std::string> absent;          // looked for and not there
    std::vector<AddressRange> protects;       // made read-only (relro)
    AddressRange heap;                        // what ld.so allocated
    AddressRange files;                       // scratch addresses of ld.so.cache and ld.so.preload
    uint64_t fs_base = 0, tid_address = 0;
    uint64_t robust_list = 0, robust_list_size = 0;
    uint64_t rseq = 0, rseq_size = 0;
    uint32_t rseq_signature = 0;
    bool path_dependent = false; // /proc/self/exe was read ($ORIGIN)
    std::string message;         // what ld.so wrote to stderr
};

class Steering {
  public:
    // `program` and `loader` are the ranges of the executable and of ld.so (moved) in this process.
    Steering(const SteeringPlan &plan, uint64_t region_base, AddressRange program, AddressRange loader);

    // Handles a system call that is about to run: may change its arguments or skip it.
    Result<Success, Rejection> handle(Tracee &tracee);
    const SteerLog &log() const { return log_; }

  private:
    struct Call;
    using Handled = Result<Success, Rejection>;
    Handled on_mmap(Call &call);
    Handled map_file(Call &call, int fd);
    Handled map_image(Call &call, const PlannedImage &image);
    Handled map_heap(Call &call);
    Handled on_munmap(Call &call);
    Handled on_mprotect(Call &call);
    static Handled check_open_flags(Call &call, uint64_t path_address, uint64_t flags);
    Handled on_lookup(Call &call, int directory, uint64_t path, bool opens);
    Handled on_readlink(Call &call, uint64_t path);
    Handled on_arch_prctl(Call &call);
    Handled on_rseq(Call &call);
    Handled on_write(Call &call);
    void note_absent(const std::string &lookup);
    bool in_image(uint64_t address, uint64_t size) const;

    const SteeringPlan &plan_;
    uint64_t region_base_;
    AddressRange program_, loader_;
    uint64_t next_file_;  // where the next scratch mapping goes
    AddressRange excess_; // of a reservation for a large p_align: what ld.so will unmap of it
    std::string last_opened_;
    SteerLog log_;
};

} // namespace sharedregion
