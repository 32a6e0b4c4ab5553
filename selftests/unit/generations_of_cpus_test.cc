// SPDX-License-Identifier: GPL-2.0-or-later
// Which generation a state directory uses on this CPU, and which ones of other CPUs it keeps.
#include "daemon/activation/this_machine.h"
#include "selftests/unit/activation_fixture.h"
#include "sharedregion/machine.h"

#include <set>
#include <unistd.h>

using namespace sharedregion;

namespace {

// One generation per entry, the last one the newest; 0: of this CPU, others: of CPUs of that number.
class generations_of_cpus : public activation {
  protected:
    void build_for(const std::string &name, uint64_t cpu) {
        UniqueFd auxv(open("/proc/self/auxv", O_RDONLY | O_CLOEXEC));
        ASSERT_TRUE(read_machine(auxv.get(), &synthetic_.machine));
        synthetic_.machine.cpu_hash += cpu;
        build(name);
        const timespec times[2] = {{++built_, 0}, {built_, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, generation_file(name, "sets").c_str(), times, 0), 0);
    }

  private:
    time_t built_ = 1000000000;
};

TEST_F(generations_of_cpus, current_is_used_where_it_is_for_this_cpu) {
    build_for("newer", 0);
    build_for("current", 0);
    build_for("other", 1);
    ASSERT_TRUE(state_->set_current("newer").ok());
    Outcome<std::string> found = find_generation_for_this_cpu(*state_);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value(), "newer");
}

TEST_F(generations_of_cpus, the_newest_for_this_cpu_is_found_behind_one_for_another) {
    build_for("older", 0);
    build_for("newer", 0);
    build_for("other", 1);
    Outcome<std::string> found = find_generation_for_this_cpu(*state_);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value(), "newer");
}

TEST_F(generations_of_cpus, none_for_this_cpu_is_an_error_that_says_so) {
    ASSERT_TRUE(remove_tree(AT_FDCWD, state_->generation_path("one"), "one").ok());
    build_for("other", 1);
    Outcome<std::string> found = find_generation_for_this_cpu(*state_);
    ASSERT_FALSE(found.ok());
    EXPECT_NE(found.error().message().find("built for another CPU"), std::string::npos);
}

TEST_F(generations_of_cpus, of_each_other_cpu_the_newest_is_kept_and_of_three_cpus) {
    ASSERT_TRUE(remove_tree(AT_FDCWD, state_->generation_path("one"), "one").ok());
    build_for("fourth", 4);
    for (uint64_t cpu : {3, 2, 1})
        for (const char *age : {"older", "newer"})
            build_for(age + std::to_string(cpu), cpu);
    build_for("here", 0);
    EXPECT_EQ(generations_of_other_cpus(*state_), (std::set<std::string>{"newer1", "newer2", "newer3"}));
}

TEST_F(generations_of_cpus, a_damaged_one_and_a_build_under_way_are_passed_over) {
    ASSERT_TRUE(remove_tree(AT_FDCWD, state_->generation_path("one"), "one").ok());
    build_for("damaged", 1);
    ASSERT_EQ(truncate(generation_file("damaged", "sets").c_str(), 100), 0);
    build_for(".tmp-1", 2);
    EXPECT_TRUE(generations_of_other_cpus(*state_).empty());
}

} // namespace
