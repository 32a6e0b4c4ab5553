// SPDX-License-Identifier: GPL-2.0-or-later
// Which files dyldctl takes for programs, and where it looks for names.
#include "daemon/dyldctl/programs.h"
#include "daemon/files/child.h"
#include "daemon/files/directory.h"
#include "selftests/unit/synthetic_generation.h"

#include <cstdlib>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

using namespace sharedregion;

namespace {

class programs : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/programs-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
        Outcome<std::string> real = canonical_path("/proc/self/exe");
        ASSERT_TRUE(real.ok());
        self_ = read_whole_file(real.value());
    }
    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }

    std::string path(const std::string &name) const { return root_ + "/" + name; }
    void add(const std::string &name, const std::vector<unsigned char> &bytes, mode_t mode = 0755) {
        ASSERT_TRUE(write_file(path(name), bytes.data(), bytes.size()));
        ASSERT_EQ(chmod(path(name).c_str(), mode), 0);
    }
    void add_text(const std::string &name, const std::string &text, mode_t mode = 0755) {
        add(name, std::vector<unsigned char>(text.begin(), text.end()), mode);
    }
    FileKind kind_of(const std::string &name) {
        Outcome<ProgramFile> file = classify_program(path(name));
        EXPECT_TRUE(file.ok());
        return file.ok() ? file.value().kind : FileKind::Unreadable;
    }

    std::string root_;
    std::vector<unsigned char> self_; // a dynamic program: this test
};

TEST_F(programs, a_dynamic_program_is_known_by_its_interpreter) {
    add("program", self_);
    Outcome<ProgramFile> file = classify_program(path("program"));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file.value().kind, FileKind::Program);
    EXPECT_NE(file.value().interpreter.find("ld-linux"), std::string::npos);
}

TEST_F(programs, a_script_names_its_interpreter) {
    add_text("script", "#! /bin/sh -e\necho\n");
    Outcome<ProgramFile> file = classify_program(path("script"));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file.value().kind, FileKind::Script);
    EXPECT_EQ(file.value().interpreter, "/bin/sh");
}

TEST_F(programs, text_and_an_empty_file_are_none) {
    add_text("text", "hello");
    add_text("empty", "");
    EXPECT_EQ(kind_of("text"), FileKind::Other);
    EXPECT_EQ(kind_of("empty"), FileKind::Other);
}

TEST_F(programs, one_of_another_word_size_is_foreign) {
    std::vector<unsigned char> bytes = self_;
    bytes[EI_CLASS] = ELFCLASS32;
    add("old", bytes);
    EXPECT_EQ(kind_of("old"), FileKind::Foreign);
}

TEST_F(programs, program_headers_outside_the_file_are_an_error_with_an_offset) {
    std::vector<unsigned char> bytes = self_;
    reinterpret_cast<Elf64_Ehdr *>(bytes.data())->e_phoff = ~0ULL;
    add("broken", bytes);
    Outcome<ProgramFile> file = classify_program(path("broken"));
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().where, offsetof(Elf64_Ehdr, e_phoff));
}

TEST_F(programs, a_directory_is_walked_and_the_rest_is_counted) {
    ASSERT_EQ(mkdir(path("below").c_str(), 0755), 0);
    add("program", self_);
    add("below/another", self_);
    add("not-executable", self_, 0644);
    add_text("script", "#!/bin/sh\n");
    ASSERT_EQ(symlink("program", path("same").c_str()), 0);
    ASSERT_EQ(symlink(".", path("loop").c_str()), 0);
    Outcome<ProgramList> list = find_programs({root_});
    ASSERT_TRUE(list.ok());
    EXPECT_EQ(list.value().programs, (std::set<std::string>{path("program"), path("below/another")}));
    EXPECT_EQ(list.value().skipped["script"], 1U);
    EXPECT_EQ(list.value().skipped["other"], 1U);
}

TEST_F(programs, a_named_file_that_is_no_program_is_an_error) {
    add_text("text", "hello");
    Outcome<ProgramList> list = find_programs({path("text")});
    ASSERT_FALSE(list.ok());
    EXPECT_EQ(list.error().file, path("text"));
}

TEST_F(programs, a_named_script_stands_for_its_interpreter) {
    add_text("script", "#!/bin/bash\n");
    Outcome<ProgramList> list = find_programs({path("script")});
    ASSERT_TRUE(list.ok());
    EXPECT_EQ(list.value().programs.size(), 1U);
    EXPECT_EQ(list.value().notes.size(), 1U);
}

TEST_F(programs, a_name_is_looked_up_in_path) {
    add("my-program", self_);
    std::string old = getenv("PATH");
    setenv("PATH", ("/nowhere:" + root_).c_str(), 1);
    Outcome<std::string> found = find_in_path("my-program");
    EXPECT_TRUE(found.ok() && found.value() == path("my-program"));
    EXPECT_EQ(find_in_path("no-such-program").error().code, ENOENT);
    setenv("PATH", old.c_str(), 1);
}

TEST_F(programs, a_file_without_the_execute_bit_cannot_be_run) {
    add("data", self_, 0644);
    EXPECT_EQ(find_in_path(path("data")).error().code, EACCES);
}

TEST_F(programs, a_childs_output_and_error_lines_arrive) {
    add_text("child", "#!/bin/sh\necho out\necho one >&2\nprintf two >&2\nexit 3\n");
    std::vector<std::string> lines;
    Outcome<ChildResult> result =
        run_child({path("child")}, [&](const std::string &line) { lines.push_back(line); });
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.value().output, "out\n");
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(status_text(result.value().status), "exit code 3");
}

TEST_F(programs, a_child_that_cannot_be_executed_ends_with_127) {
    Outcome<ChildResult> result = run_child({path("missing")}, [](const std::string &) {});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(WEXITSTATUS(result.value().status), 127);
}

} // namespace
