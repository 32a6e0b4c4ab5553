// SPDX-License-Identifier: GPL-2.0-or-later
// A generation on disk: its two files mapped and checked against each other.
//
// open() checks structure only (fast, for `list` and `why`); verify() also checks every byte against the
// SHA-256 trees and every word list against the layout: what activation trusts. Read-only.
#pragma once

#include "daemon/files/mapped_file.h"
#include "sharedregion/cache_view.h"
#include "sharedregion/set_view.h"

#include <map>
#include <optional>

namespace sharedregion {

class Generation {
  public:
    // `directory` holds shared_cache and sets, and may hold shim-sets. Errors name the file and the offset.
    static Outcome<Generation> open(const std::string &directory);

    // Inputs: an opened generation. Invariant on success: every byte is as the builder wrote it, and each
    // set refers only to places inside this cache.
    Done verify() const;

    const CacheView &cache() const { return cache_; }
    const SetsView &sets() const { return sets_; }
    // Those with the shim preloaded; nullptr: the generation was built without.
    const SetsView *shim_sets() const { return shim_sets_ ? &shim_sets_->view : nullptr; }
    const std::string &cache_path() const { return cache_file_.path(); }
    const FileIdentity &cache_identity() const { return cache_file_.identity(); }
    const std::string &sets_path() const { return sets_file_.path(); }
    // Opens one program's set; errors carry the offset in `sets`.
    Outcome<SetView> set(const SetProgramRecord &program) const;
    Outcome<SetView> shim_set(const SetProgramRecord &program) const;

  private:
    Generation(MappedFile cache_file, MappedFile sets_file, const CacheView &cache, const SetsView &sets)
        : cache_file_(std::move(cache_file)), sets_file_(std::move(sets_file)), cache_(cache), sets_(sets) {}
    Done verify_sets(const SetsView &sets, const std::string &path) const;

    struct ShimSets {
        MappedFile file;
        SetsView view;
    };
    MappedFile cache_file_, sets_file_;
    CacheView cache_;
    SetsView sets_;
    std::optional<ShimSets> shim_sets_;
};

// Why a set cannot be used now: a word of JitReason, and the file that it is about.
struct Stale {
    std::string reason;
    std::string detail;
};

// Compares files with what they were at build time. Remembers each stat(2): sets share most files.
class FileCheck {
  public:
    // Whether the program, each library and each path that must be absent are as the set expects.
    std::optional<Stale> stale(const SetView &set);
    // The same for what all sets need: ld.so, /etc/ld.so.cache, /etc/ld.so.preload.
    std::optional<Stale> stale(const SetsView &sets);
    const FileIdentity &identity(const std::string &path);

  private:
    std::map<std::string, FileIdentity> known_;
};

// 32 hexadecimal digits.
std::string to_hex(const Uuid &uuid);

} // namespace sharedregion
