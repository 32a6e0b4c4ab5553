// SPDX-License-Identifier: GPL-2.0-or-later
// A user's own set of one program: whether there is one to build, the builder as a child, the file.
//
// The rules are those of docs/startup.md ("A user's own sets"). Each refusal is one stable word.
#pragma once

#include "daemon/activation/generation.h"
#include "daemon/state/active_region.h"
#include "daemon/user/user_directory.h"

#include <memory>

namespace sharedregion {

struct UserSetOptions {
    std::string state;          // path of the state directory
    bool again = false;         // also where a valid own set exists
    bool instead = false;       // also where the activation has a valid set: the own one comes first then
    bool in_background = false; // started by ld-dyld.so, which holds the lock
};

struct UserSetResult {
    std::string program; // canonical path
    std::string word;    // saved, up-to-date, in-cache, busy; else why there is none
    std::string detail;
    std::string file; // saved, up-to-date
    bool has_set() const { return word == "saved" || word == "up-to-date" || word == "in-cache"; }
};

class UserSetBuilder {
  public:
    explicit UserSetBuilder(UserSetOptions options) : options_(std::move(options)) {}

    // Errors: the builder failed, files cannot be written. A program that can have no set is no error.
    Outcome<UserSetResult> build(const std::string &program);

  private:
    struct Subject; // the program at hand

    std::optional<Stale> refuse_caller() const;
    Outcome<std::optional<Stale>> read_subject(Subject *subject);
    Done mark(const Subject &subject) const;
    Outcome<Stale> build_or_find(const UserDirectory &directory, const Subject &subject);
    Outcome<Stale> build_in(const UserDirectory &directory, const Subject &subject,
                            const std::string &temporary);
    Outcome<Stale> build_locked(const UserDirectory &directory, const Subject &subject);
    std::optional<Stale> open_region();
    std::optional<Stale> check_loader(const Subject &subject);
    std::optional<Stale> check_sets(const Subject &subject);
    Outcome<Stale> build_and_write(const UserDirectory &directory, const Subject &subject);
    Outcome<Stale> save(const UserDirectory &directory, const Subject &subject, const std::string &built);

    UserSetOptions options_;
    std::optional<ActiveRegion> region_;
    FileCheck files_;
};

// Whether the set in a user's file would hold now, seen from these files alone; nullopt: yes.
std::optional<Stale> stale_user_set(const UserSetFile &file, const ActiveRegion *region, FileCheck *files);

// Why the last attempt for a program failed ("WORD DETAIL"); empty: none is recorded.
std::string recorded_failure(const UserDirectory &directory, const ActiveRegion &region,
                             const std::string &program);

} // namespace sharedregion
