// SPDX-License-Identifier: GPL-2.0-or-later
// libFuzzer: any bytes taken for a user's own set are refused or read inside their bounds, as a start reads
// them.
#include "selftests/fuzz/repair.h"
#include "sharedregion/set_view.h"
#include "sharedregion/user_set_check.h"

using namespace sharedregion;

namespace {

volatile uint64_t sink = 0;

RegionHeader fuzz_region() {
    RegionHeader region = {};
    region.mapped_size = region.data_size = region.region_size = 1 << 30;
    region.heap_offset = 1 << 29;
    region.heap_size = 1 << 20;
    return region;
}

// A start looks at the blob only where header and checksum are good.
bool read_as_user_set(const FuzzBytes &bytes, const UserSetFit *fit) {
    auto view = UserSetView::open(bytes.view(), fit);
    if (!view.ok())
        return false;
    for (uint64_t i = 0; i < view.value().blob().size(); i++)
        sink = sink + view.value().blob().data()[i];
    const RegionHeader region = fuzz_region();
    auto set = check_user_set(view.value(), region);
    if (set.ok())
        sink = sink + set.value().dependencies().size() + strlen(set.value().path());
    return true;
}

// Sums and sizes set right, so that mutations reach what is behind them.
void repair_user_set(FuzzBytes *bytes) {
    bytes->size = align_down(bytes->size, kPageSize);
    if (bytes->size < 2 * kPageSize)
        return;
    repair_set(bytes, kPageSize);
    auto &header = *reinterpret_cast<UserSetHeader *>(bytes->at(0));
    memcpy(header.magic, kUserSetMagic, sizeof header.magic);
    header.version = kUserSetVersion;
    header.format_version = kFormatVersion;
    header.file_size = bytes->size;
    header.blob_size = bytes->size - kPageSize;
    header.blob_sum = checksum(bytes->at(kPageSize), header.blob_size);
    header.header_sum = header_checksum(&header);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const RegionHeader region = fuzz_region();
    const UserSetFit fit = {&region, 0, 0};
    FuzzBytes bytes(data, size);
    if (read_as_user_set(bytes, &fit))
        return 0;
    repair_user_set(&bytes);
    read_as_user_set(bytes, &fit);
    read_as_user_set(bytes, nullptr);
    return 0;
}
