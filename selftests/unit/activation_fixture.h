// SPDX-License-Identifier: GPL-2.0-or-later
// What tests of activations and of the choice between generations begin with.
#pragma once

#include "daemon/activation/activation.h"
#include "daemon/state/state.h"
#include "selftests/unit/synthetic_generation.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace sharedregion {

// A state directory with one synthetic generation, in a tmpfs (as activation wants one anyway).
class activation : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/dev/shm/activation-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
        tmpfs_ = root_ + "/tmpfs";
        mkdir(tmpfs_.c_str(), 0755);
        for (const char *file : {"library", "program-a", "program-b", "ld.so"})
            ASSERT_TRUE(write_file(path(file), file, strlen(file)));
        synthetic_.library = path("library");
        synthetic_.loader_path = path("ld.so");
        synthetic_.programs = {{path("program-a"), 0x1111, {path("absent")}, ""},
                               {path("program-b"), 0x2222, {}, ""},
                               {path("ld.so"), 0, {}, "not-dynamic"}};
        Outcome<StateDirectory> state = StateDirectory::make(root_ + "/state");
        ASSERT_TRUE(state.ok()) << state.error().message();
        state_.emplace(std::move(state.value()));
        build("one");
    }

    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }

    std::string path(const std::string &name) const { return root_ + "/" + name; }
    std::string generation_file(const std::string &generation, const std::string &file) const {
        return state_->generation_path(generation) + "/" + file;
    }

    void build(const std::string &name) {
        ASSERT_TRUE(write_synthetic_generation(synthetic_, state_->generation_path(name)));
        ASSERT_TRUE(state_->set_current(name).ok());
    }

    Outcome<Activation> activate_one(const std::string &name = "one") {
        return activate(ActivationRequest{&*state_, name, tmpfs_});
    }

    // Activates and expects that to work.
    Activation activate_well() {
        Outcome<Activation> outcome = activate_one();
        EXPECT_TRUE(outcome.ok()) << outcome.error().message();
        return outcome.ok() ? std::move(outcome.value()) : Activation{};
    }

    using Names = std::vector<std::string>;
    // What lies beside this state's activations.
    static UniqueFd in(const std::string &path) {
        return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    Names names_in_place() const {
        std::string place = tmpfs_ + "/shared-region-" + std::to_string(geteuid());
        UniqueFd directory(open(place.c_str(), O_RDONLY | O_DIRECTORY));
        Outcome<Names> names = list_directory(directory.get(), place);
        return names.ok() ? std::move(names.value()) : Names{"no " + place};
    }

    std::string root_, tmpfs_;
    SyntheticGeneration synthetic_;
    std::optional<StateDirectory> state_;
};

} // namespace sharedregion
