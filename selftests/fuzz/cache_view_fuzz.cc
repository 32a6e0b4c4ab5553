// SPDX-License-Identifier: GPL-2.0-or-later
// libFuzzer: any bytes taken for a shared_cache are refused or read inside their bounds.
#include "selftests/fuzz/repair.h"
#include "sharedregion/cache_view.h"

using namespace sharedregion;

namespace {

uint64_t read_images(const CacheView &cache) {
    uint64_t sum = 0;
    for (const CacheImageRecord &image : cache.images()) {
        sum += strlen(cache.string(image.path)) + strlen(cache.string(image.soname));
        sum += cache.image_at(image.base) == &image;
        for (const CacheSegmentRecord &segment : cache.segments(image)) {
            ByteView data = cache.data(segment);
            for (uint64_t i = 0; i < data.size(); i++)
                sum += data.data()[i];
        }
    }
    return sum;
}

uint64_t read_tables(const CacheView &cache) {
    uint64_t sum = 0;
    if (cache.check_exports().ok())
        for (const CacheExportRecord &symbol : cache.exports())
            sum += strlen(cache.string(symbol.name)) + cache.images()[symbol.image].size;
    if (cache.check_slide().ok())
        relr_for_each(cache.slide(), [&](uint64_t at) { sum += *cache.bytes().at<uint64_t>(at); });
    return sum;
}

volatile uint64_t sink = 0;

bool read_cache(const FuzzBytes &bytes) {
    auto cache = CacheView::open(bytes.view());
    if (cache.ok())
        sink = sink + read_images(cache.value()) + read_tables(cache.value());
    return cache.ok();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzBytes bytes(data, size);
    if (read_cache(bytes))
        return 0;
    repair_file(&bytes, kCacheHeaderOffset, kCacheMagic, sizeof(CacheHeader));
    read_cache(bytes);
    return 0;
}
