// SPDX-License-Identifier: GPL-2.0-or-later
// libFuzzer: any bytes taken for a set blob or a `sets` file are refused or read inside their bounds.
#include "sharedregion/set_view.h"

#include <cstring>
#include <vector>

using namespace sharedregion;

namespace {

// A sum of everything read, so that no read is optimised away and sanitizers see each.
uint64_t touch(ByteView bytes) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < bytes.size(); i++)
        sum += bytes.data()[i];
    return sum;
}

uint64_t read_set(const SetView &set) {
    uint64_t sum = strlen(set.path());
    for (const SetDependency &dependency : set.dependencies())
        sum += strlen(set.string(dependency.path));
    for (uint32_t path : set.absent())
        sum += strlen(set.string(path));
    for (const SetDataMap &map : set.data_maps())
        sum += map.size;
    for (const SetPageOp &op : set.page_ops())
        sum += touch(set.pages(op));
    for (const SetFixupList &list : set.fixups())
        set.for_each_word(list, [&](uint64_t at) { sum += at; });
    for (const SetProtect &protect : set.protects())
        sum += protect.size;
    if (set.check_words(SetLimits{1 << 20, 1 << 20, 1 << 20, 1 << 20, 2 << 20, 16}).ok())
        relr_for_each(set.slide(), [&](uint64_t at) { sum += *set.bytes().at<uint64_t>(at); });
    return sum;
}

uint64_t read_sets(const SetsView &sets) {
    uint64_t sum = strlen(sets.loader_path());
    for (const SetProgramRecord &program : sets.programs()) {
        sum += sets.find(sets.string(program.path)) == &program;
        auto set = sets.set(program);
        if (SetsView::captured(program) && set.ok())
            sum += read_set(set.value());
    }
    return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // Records need 8-byte alignment; a copy also gives ASAN exact bounds.
    std::vector<uint64_t> aligned((size + 7) / 8);
    if (size != 0)
        memcpy(aligned.data(), data, size);
    ByteView bytes(aligned.data(), size);
    volatile uint64_t sink = 0;
    auto set = SetView::open(bytes);
    if (set.ok())
        sink = sink + read_set(set.value());
    auto sets = SetsView::open(bytes);
    if (sets.ok())
        sink = sink + read_sets(sets.value());
    return 0;
}
