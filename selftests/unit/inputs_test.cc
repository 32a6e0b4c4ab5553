// SPDX-License-Identifier: GPL-2.0-or-later
// Which programs are accepted, and the reason for each that is not.
#include "builder/phases/program_probe.h"
#include "selftests/unit/model_of_programs.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sharedregion::testing {
namespace {

class InputsTest : public ::testing::Test {
  protected:
    void SetUp() override { directory_ = make_temporary_directory(); }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string copy(const std::string &from, const std::string &name) {
        std::string path = directory_ + "/" + name;
        std::filesystem::copy_file(from, path);
        return path;
    }
    // "" where the program is accepted.
    std::string reason(const std::string &program) {
        CacheModel model;
        if (!make_model({program}, false, &model) || model.programs.size() != 1)
            return "no single program";
        return model.programs[0].rejection ? model.programs[0].rejection->reason : "";
    }

    std::string directory_;
};

TEST_F(InputsTest, accepts_a_dynamic_program) {
    EXPECT_EQ(reason("/bin/ls"), "");
}

TEST_F(InputsTest, rejects_what_does_not_exist) {
    EXPECT_EQ(reason(directory_ + "/nothing"), "not-found");
}

TEST_F(InputsTest, rejects_scripts) {
    std::string path = directory_ + "/script";
    std::ofstream(path) << "#!/bin/sh\n";
    EXPECT_EQ(reason(path), "not-elf");
}

TEST_F(InputsTest, rejects_static_programs) {
    EXPECT_EQ(reason("out/fixtures/static"), "static");
    EXPECT_EQ(reason("out/fixtures/static_pie"), "static");
}

TEST_F(InputsTest, rejects_programs_whose_sanitizer_forbids_the_region) {
    for (const char *program : {"tsan", "tsan_static", "tsan_stripped", "dfsan"})
        EXPECT_EQ(reason(std::string("out/fixtures/") + program), "sanitizer-layout") << program;
    EXPECT_EQ(reason("out/fixtures/asan"), "");
    EXPECT_EQ(reason("out/bin/dyldctl"), "") << "the builder names sanitizers, but holds none";
}

TEST_F(InputsTest, rejects_programs_whose_plt_ld_so_refuses) {
    EXPECT_EQ(reason("out/fixtures/plt_none"), "malformed-elf");
    EXPECT_EQ(reason("out/fixtures/plt_none_now"), "") << "bound at once ld.so takes it";
}

TEST_F(InputsTest, rejects_programs_of_another_ld_so) {
    EXPECT_EQ(reason(binder_fixture("other_interpreter")), "other-interpreter");
}

TEST_F(InputsTest, rejects_set_user_id_programs) {
    std::string path = copy("/bin/ls", "ls");
    if (getuid() != 0)
        GTEST_SKIP() << "needs root: makes a program of another user";
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
    ASSERT_EQ(chmod(path.c_str(), 04755), 0);
    EXPECT_EQ(reason(path), "setuid");
}

TEST_F(InputsTest, rejects_other_machines) {
    std::string path = copy("/bin/ls", "ls");
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(Elf64_Ehdr, e_machine)).put(static_cast<char>(EM_AARCH64));
    file.close();
    EXPECT_EQ(reason(path), "other-machine");
}

TEST_F(InputsTest, rejects_programs_with_a_missing_library) {
    EXPECT_EQ(reason(copy(binder_fixture("dump_scope"), "program")), "missing-library");
}

TEST_F(InputsTest, rejects_programs_with_text_relocations_in_a_library) {
    EXPECT_EQ(reason(binder_fixture("needs_textrel")), "text-relocations");
}

TEST_F(InputsTest, rejects_programs_with_a_damaged_library_and_names_it) {
    std::string program = copy(binder_fixture("dump_types"), "program");
    std::string library = copy(binder_fixture("libtypes.so"), "libtypes.so");
    ElfImage elf = std::move(read_elf_image(open_to_read(library).value().get()).value());
    // The name of a symbol that no start-up looks at. (DT_SYMTAB lies in the first segment: VA is offset.)
    std::fstream file(library, std::ios::in | std::ios::out | std::ios::binary);
    auto bytes = read_at(open_to_read(library).value().get(), 0, elf.segments[0].file_size, library);
    const auto *first = reinterpret_cast<const char *>(elf.symbols.data());
    std::string_view text(reinterpret_cast<const char *>(bytes.value().data()), bytes.value().size());
    size_t table = text.find(std::string_view(first, 3 * sizeof(Elf64_Sym)));
    ASSERT_NE(table, std::string_view::npos);
    file.seekp(static_cast<std::streamoff>(table + (elf.symbols.size() - 1) * sizeof(Elf64_Sym)));
    file.write("\xff\xff\xff\x7f", 4);
    file.close();
    CacheModel model;
    ASSERT_TRUE(make_model({program}, false, &model));
    ASSERT_TRUE(model.programs[0].rejection);
    EXPECT_EQ(model.programs[0].rejection->reason, "malformed-elf");
    EXPECT_NE(model.programs[0].rejection->detail.find("libtypes.so"), std::string::npos);
    EXPECT_TRUE(model.images.empty());
}

TEST_F(InputsTest, a_file_with_two_names_is_one_image) {
    std::filesystem::create_directory(directory_ + "/a");
    std::filesystem::create_directory(directory_ + "/b");
    copy(binder_fixture("libscope.so"), "a/libscope.so");
    copy(binder_fixture("libscope_rival.so"), "a/libscope_rival.so");
    for (const char *library : {"libscope.so", "libscope_rival.so"})
        std::filesystem::create_hard_link(directory_ + "/a/" + library, directory_ + "/b/" + library);
    std::string first = copy(binder_fixture("dump_scope"), "a/program");
    std::string second = copy(binder_fixture("dump_scope"), "b/program");
    CacheModel model;
    ASSERT_TRUE(make_model({first, second}, false, &model));
    int found = 0;
    for (const CacheImage &image : model.images)
        found += image.soname == "libscope.so";
    EXPECT_EQ(found, 1);
    EXPECT_EQ(find_image(model, "libscope.so")->uses, 2U);
}

TEST_F(InputsTest, two_names_of_a_program_are_one_program) {
    std::string program = copy("/bin/ls", "program");
    std::filesystem::create_symlink(program, directory_ + "/link");
    CacheModel model;
    ASSERT_TRUE(make_model({program, directory_ + "/link", directory_}, false, &model));
    EXPECT_EQ(model.programs.size(), 1U);
}

TEST_F(InputsTest, a_directory_means_its_executable_elf_files) {
    copy("/bin/ls", "program");
    std::string data = copy("/bin/ls", "data");
    ASSERT_EQ(chmod(data.c_str(), 0644), 0);
    std::ofstream(directory_ + "/script") << "#!/bin/sh\n";
    ASSERT_EQ(chmod((directory_ + "/script").c_str(), 0755), 0);
    CacheModel model;
    ASSERT_TRUE(make_model({directory_}, false, &model));
    ASSERT_EQ(model.programs.size(), 1U);
    EXPECT_EQ(model.programs[0].path, std::filesystem::canonical(directory_ + "/program").string());
}

TEST_F(InputsTest, a_fifo_is_no_program_and_does_not_block) {
    std::string path = directory_ + "/fifo";
    ASSERT_EQ(mkfifo(path.c_str(), 0755), 0);
    EXPECT_EQ(reason(path), "not-elf");
}

TEST(LibraryListTest, reads_every_kind_of_line) {
    std::string text = "\tlinux-vdso.so.1 (0x00007ffd0a1f0000)\n"
                       "\tliba.so.1 => /usr/lib/liba.so.1 (0x00007f0000000000)\n"
                       "\tlibmissing.so => not found\n"
                       "\t/opt/with space/libb.so (0x00007f0000010000)\n"
                       "\tlibc.so => /odd (0x1)/libc.so (0x00007f0000020000)\n"
                       "\t/lib64/ld-linux-x86-64.so.2 (0x00007f0000030000)\n";
    std::vector<ListedLibrary> libraries = parse_library_list(text, "/lib64/ld-linux-x86-64.so.2");
    ASSERT_EQ(libraries.size(), 4U);
    EXPECT_EQ(libraries[0].name, "liba.so.1");
    EXPECT_EQ(libraries[0].path, "/usr/lib/liba.so.1");
    EXPECT_EQ(libraries[1].path, "");
    EXPECT_EQ(libraries[2].path, "/opt/with space/libb.so");
    EXPECT_EQ(libraries[3].path, "/odd (0x1)/libc.so");
}

TEST(LibraryListTest, a_program_without_libraries_has_an_empty_list) {
    EXPECT_TRUE(parse_library_list("\tstatically linked\n", "/lib64/ld-linux-x86-64.so.2").empty());
}

} // namespace
} // namespace sharedregion::testing
