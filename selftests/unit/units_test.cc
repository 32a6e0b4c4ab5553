// SPDX-License-Identifier: GPL-2.0-or-later
// What systemd is told: texts of units and drop-ins, and that files come and go whole.
#include "daemon/system/units.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace sharedregion;

namespace {

class unit_files : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/units-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }
    std::string text_of(const std::string &path) {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    std::string root_;
};

bool has(const std::string &text, const std::string &line) {
    return text.find(line + "\n") != text.npos;
}

TEST(service_names, get_their_suffix) {
    EXPECT_EQ(service_name("ssh"), "ssh.service");
    EXPECT_EQ(service_name("ssh.service"), "ssh.service");
    EXPECT_EQ(service_name("getty@tty1"), "getty@tty1.service");
}

TEST(service_names, that_would_leave_the_directory_are_refused) {
    for (const char *name : {"", ".service", "../x", "a/b", "..", "-x", "a b", "a\nb"})
        EXPECT_EQ(service_name(name), "") << name;
}

TEST(system_unit, activates_before_it_sets_the_interpreter) {
    const std::string text = system_unit_text("/usr/bin/dyldctl", "/var/cache/shared-region");
    const size_t activate =
        text.find("ExecStart=\"/usr/bin/dyldctl\" --state \"/var/cache/shared-region\" --quiet activate\n");
    const size_t set = text.find(" interpreter set\n");
    ASSERT_NE(activate, text.npos);
    ASSERT_NE(set, text.npos);
    EXPECT_LT(activate, set);
    EXPECT_TRUE(text.find(" interpreter clear\n") != text.npos);
}

TEST(system_unit, quotes_what_systemd_would_expand) {
    const std::string text = system_unit_text("/opt/a b/dyldctl", "/srv/100%/\"$x\"");
    EXPECT_TRUE(has(text, "RequiresMountsFor=\"/srv/100%%/\\\"$x\\\"\""));
    EXPECT_TRUE(has(
        text, "ExecStop=\"/opt/a b/dyldctl\" --state \"/srv/100%%/\\\"$$x\\\"\" --quiet interpreter clear"));
}

TEST(drop_in, mounts_the_genuine_directory_and_the_loader_and_passes_over_what_is_missing) {
    const std::string text = drop_in_text("/srv/a:b c", "/usr/lib64/ld.so.2");
    EXPECT_TRUE(has(text, "BindReadOnlyPaths=\"-/usr/lib64\":\"/srv/a:b c/genuine\":norbind"));
    EXPECT_TRUE(has(text, "BindReadOnlyPaths=\"-/srv/a:b c/ld-dyld.so\":\"/usr/lib64/ld.so.2\""));
}

TEST_F(unit_files, are_written_once) {
    const std::string path = drop_in_path(root_ + "/system", "a.service");
    Outcome<bool> first = write_unit(path, "text\n"), second = write_unit(path, "text\n");
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_TRUE(first.value());
    EXPECT_FALSE(second.value());
    EXPECT_EQ(text_of(path), "text\n");
    EXPECT_TRUE(write_unit(path, "other\n").value());
    EXPECT_EQ(text_of(path), "other\n");
}

TEST_F(unit_files, go_with_their_directory_if_nothing_else_is_in_it) {
    const std::string ours = drop_in_path(root_, "a.service"), shared = drop_in_path(root_, "b.service");
    ASSERT_TRUE(write_unit(ours, "x").ok() && write_unit(shared, "x").ok());
    ASSERT_TRUE(write_unit(root_ + "/b.service.d/other.conf", "y").ok());
    EXPECT_EQ(services_with_drop_in(root_), (std::vector<std::string>{"a.service", "b.service"}));
    EXPECT_TRUE(remove_unit(ours).value());
    EXPECT_TRUE(remove_unit(shared).value());
    EXPECT_FALSE(remove_unit(shared).value());
    EXPECT_NE(access((root_ + "/a.service.d").c_str(), F_OK), 0);
    EXPECT_EQ(text_of(root_ + "/b.service.d/other.conf"), "y");
    EXPECT_TRUE(services_with_drop_in(root_).empty());
}

} // namespace
