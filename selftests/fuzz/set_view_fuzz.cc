// SPDX-License-Identifier: GPL-2.0-or-later
// libFuzzer: any bytes taken for a set blob or a `sets` file are refused or read inside their bounds.
#include "selftests/fuzz/repair.h"
#include "sharedregion/set_view.h"

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

volatile uint64_t sink = 0;

bool read_as_set(const FuzzBytes &bytes) {
    auto set = SetView::open(bytes.view());
    if (set.ok())
        sink = sink + read_set(set.value());
    return set.ok();
}

bool read_as_sets(const FuzzBytes &bytes) {
    auto sets = SetsView::open(bytes.view());
    if (sets.ok())
        sink = sink + read_sets(sets.value());
    return sets.ok();
}

// Every blob that the program table names.
void repair_sets(FuzzBytes *bytes) {
    repair_file(bytes, 0, kSetsMagic, sizeof(SetsHeader));
    auto sets = SetsView::open(bytes->view());
    if (!sets.ok())
        return;
    std::vector<uint64_t> offsets;
    for (const SetProgramRecord &program : sets.value().programs())
        if (SetsView::captured(program))
            offsets.push_back(program.blob_offset);
    for (uint64_t offset : offsets)
        repair_set(bytes, offset);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzBytes bytes(data, size);
    if (read_as_set(bytes) || read_as_sets(bytes))
        return 0;
    FuzzBytes again(data, size);
    repair_set(&bytes, 0);
    read_as_set(bytes);
    repair_sets(&again);
    read_as_sets(again);
    return 0;
}
