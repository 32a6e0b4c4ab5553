// SPDX-License-Identifier: GPL-2.0-or-later
// make_seeds DIRECTORY: small files of every format, with every kind of record, for the fuzz targets to begin
// with.
#include "daemon/user/user_set_writer.h"
#include "selftests/unit/synthetic_generation.h"

#include <cstdio>

using namespace sharedregion;

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: make_seeds DIRECTORY\n");
        return 2;
    }
    const std::string directory = argv[1];
    SyntheticGeneration generation;
    generation.library = generation.loader_path = "/proc/self/exe";
    generation.programs = {{"/bin/a", 1, {"/none"}, ""}, {"/bin/b", 2, {}, "static"}, {"/bin/c", 3, {}, ""}};
    if (!write_synthetic_generation(generation, directory))
        return 1;
    std::vector<unsigned char> sets = read_whole_file(directory + "/sets");
    const auto *header = reinterpret_cast<const SetsHeader *>(sets.data());
    const auto *program = reinterpret_cast<const SetProgramRecord *>(sets.data() + header->programs.offset);
    const unsigned char *blob = sets.data() + program->blob_offset;
    if (!write_file(directory + "/set", blob, program->blob_size))
        return 1;
    auto set = SetView::open(ByteView(blob, program->blob_size));
    RegionHeader region = {};
    region.base = 0x7e0000000000;
    region.mapped_size = 1 << 30;
    if (!set.ok())
        return 1;
    std::vector<unsigned char> user = make_user_set(UserSetPlan{&region, &set.value(), {}, "/state", Uuid{}});
    return write_file(directory + "/user", user.data(), user.size()) ? 0 : 1;
}
