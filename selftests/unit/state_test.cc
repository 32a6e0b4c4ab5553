// SPDX-License-Identifier: GPL-2.0-or-later
// The state directory: which ones are accepted, and that switches are atomic.
#include "daemon/state/state.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>

using namespace sharedregion;

namespace {

class state_directory : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/state-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }
    std::string root_;
};

TEST_F(state_directory, is_made_with_missing_parents) {
    Outcome<StateDirectory> state = StateDirectory::make(root_ + "/a/b/state/");
    ASSERT_TRUE(state.ok()) << state.error().message();
    EXPECT_EQ(state.value().path(), root_ + "/a/b/state");
    EXPECT_TRUE(state.value().is_ours(nullptr));
}

TEST_F(state_directory, a_directory_with_foreign_files_is_refused) {
    ASSERT_EQ(mkdir((root_ + "/mine").c_str(), 0755), 0);
    close(open((root_ + "/mine/letter").c_str(), O_CREAT | O_WRONLY, 0644));
    Outcome<StateDirectory> state = StateDirectory::make(root_ + "/mine");
    ASSERT_FALSE(state.ok());
    EXPECT_EQ(state.error().file, root_ + "/mine/letter");
}

TEST_F(state_directory, one_that_others_can_write_is_refused) {
    ASSERT_TRUE(StateDirectory::make(root_ + "/state").ok());
    ASSERT_EQ(chmod((root_ + "/state").c_str(), 0777), 0);
    EXPECT_FALSE(StateDirectory::open(root_ + "/state").ok());
}

TEST_F(state_directory, one_of_another_owner_is_refused) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root can make a directory of another owner";
    ASSERT_TRUE(StateDirectory::make(root_ + "/state").ok());
    ASSERT_EQ(chown((root_ + "/state").c_str(), 12345, 12345), 0);
    EXPECT_FALSE(StateDirectory::open(root_ + "/state").ok());
}

TEST_F(state_directory, one_below_a_directory_that_everybody_can_write_is_refused) {
    ASSERT_EQ(mkdir((root_ + "/open").c_str(), 0755), 0);
    ASSERT_EQ(chmod((root_ + "/open").c_str(), 0777), 0);
    EXPECT_FALSE(StateDirectory::make(root_ + "/open/state").ok());
}

TEST_F(state_directory, a_symlink_in_its_place_is_refused) {
    ASSERT_TRUE(StateDirectory::make(root_ + "/real").ok());
    ASSERT_EQ(symlink((root_ + "/real").c_str(), (root_ + "/link").c_str()), 0);
    EXPECT_FALSE(StateDirectory::open(root_ + "/link").ok());
}

TEST_F(state_directory, a_parent_may_be_a_symlink_and_the_path_is_canonical) {
    ASSERT_EQ(mkdir((root_ + "/real").c_str(), 0755), 0);
    ASSERT_EQ(symlink((root_ + "/real").c_str(), (root_ + "/link").c_str()), 0);
    Outcome<StateDirectory> state = StateDirectory::make(root_ + "/link/state");
    ASSERT_TRUE(state.ok()) << state.error().message();
    EXPECT_EQ(state.value().path(), root_ + "/real/state");
}

TEST_F(state_directory, current_is_a_name_without_a_path) {
    Outcome<StateDirectory> state = StateDirectory::make(root_ + "/state");
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(state.value().current_generation(), "");
    ASSERT_TRUE(state.value().set_current("abc").ok());
    EXPECT_EQ(state.value().current_generation(), "abc");
    ASSERT_TRUE(replace_symlink(state.value().fd(), "current", "../../etc", "current").ok());
    EXPECT_EQ(state.value().current_generation(), "");
}

TEST_F(state_directory, remove_tree_does_not_follow_symlinks) {
    ASSERT_EQ(mkdir((root_ + "/kept").c_str(), 0755), 0);
    close(open((root_ + "/kept/file").c_str(), O_CREAT | O_WRONLY, 0644));
    ASSERT_EQ(mkdir((root_ + "/gone").c_str(), 0755), 0);
    ASSERT_EQ(symlink((root_ + "/kept").c_str(), (root_ + "/gone/link").c_str()), 0);
    EXPECT_TRUE(remove_tree(AT_FDCWD, root_ + "/gone", "gone").ok());
    EXPECT_EQ(access((root_ + "/kept/file").c_str(), F_OK), 0);
    EXPECT_NE(access((root_ + "/gone").c_str(), F_OK), 0);
}

TEST_F(state_directory, the_option_goes_before_the_environment) {
    setenv(kStateVariable, "/from/environment", 1);
    EXPECT_EQ(choose_state_path("/from/option").value(), "/from/option");
    EXPECT_EQ(choose_state_path("").value(), "/from/environment");
    unsetenv(kStateVariable);
}

} // namespace
