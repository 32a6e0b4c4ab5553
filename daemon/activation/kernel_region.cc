// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/kernel_region.h"

#include "daemon/files/other_root.h"
#include "daemon/files/region_device.h"
#include "sharedregion/file_identity.h"
#include "uapi/linux/shared_region.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sharedregion {

namespace {

constexpr char kDevice[] = SHARED_REGION_DEVICE;

// A request while it is put together: the mappings point at names and lists.
struct Request {
    std::vector<shared_region_mapping> mappings;
    std::vector<std::string> names;
    std::vector<std::vector<uint64_t>> slides;

    void add(int fd, uint32_t prot, uint32_t flags, uint64_t offset, uint64_t size, const std::string &name) {
        shared_region_mapping map = {};
        map.fd = fd;
        map.prot = prot;
        map.flags = flags;
        map.file_offset = fd < 0 ? 0 : offset; // file offset and region offset are one number
        map.region_offset = offset;
        map.length = size;
        mappings.push_back(map);
        names.push_back(name);
        slides.emplace_back();
    }

    // When nothing moves any more.
    void set_pointers() {
        for (size_t i = 0; i < mappings.size(); i++) {
            mappings[i].name = reinterpret_cast<uint64_t>(names[i].c_str());
            mappings[i].slide = reinterpret_cast<uint64_t>(slides[i].data());
            mappings[i].slide_count = slides[i].size();
        }
    }
};

// The last part of a path, as /proc/PID/maps shall show it.
std::string mapping_name(const std::string &path) {
    std::string name = path.substr(path.rfind('/') + 1).substr(0, SHARED_REGION_NAME_MAX - 1);
    for (char &c : name)
        if (c < ' ' || c > '~')
            c = '?';
    return name;
}

// Text from end to end but for the own area, up to the end of a slot, so that each slot can be shared.
void add_text(const CacheView &cache, int fd, Request *request) {
    constexpr uint32_t kText = SHARED_REGION_PROT_READ | SHARED_REGION_PROT_EXEC;
    OwnArea own = own_area(cache);
    uint64_t end = cache.header().mapped_size, slot_end = align_up(end, kLargePageSize);
    request->add(fd, kText, 0, 0, std::min(own.begin, end), "shared_cache");
    if (own.end < end)
        request->add(fd, kText, 0, own.end, end - own.end, "shared_cache");
    if (end < slot_end && own.end < slot_end)
        request->add(-1, kText, SHARED_REGION_MAPPING_ZERO, end, slot_end - end, "shared_cache");
}

// The words of one segment; `all` is sorted.
std::vector<uint64_t> slide_of(const std::vector<uint64_t> &all, uint64_t begin, uint64_t end) {
    auto first = std::lower_bound(all.begin(), all.end(), begin);
    auto last = std::lower_bound(first, all.end(), end);
    std::vector<uint64_t> list;
    relr_encode(std::vector<uint64_t>(first, last), &list);
    return list;
}

void add_data(const CacheView &cache, int fd, Request *request) {
    OwnArea own = own_area(cache);
    std::vector<uint64_t> words;
    relr_for_each(cache.slide(), [&](uint64_t offset) { words.push_back(offset); });
    std::sort(words.begin(), words.end());
    for (const CacheImageRecord &image : cache.images())
        for (const CacheSegmentRecord &segment : cache.segments(image)) {
            uint64_t size = segment.data_span + segment.anon_span;
            if (segment.kind != uint32_t(SegmentKind::Data) || size == 0 || own.contains(segment.data_begin))
                continue;
            request->add(fd, SHARED_REGION_PROT_READ | SHARED_REGION_PROT_WRITE,
                         SHARED_REGION_MAPPING_PRIVATE | SHARED_REGION_MAPPING_ON_REQUEST, segment.data_begin,
                         size, mapping_name(cache.string(image.path)));
            request->slides.back() = slide_of(words, segment.data_begin, segment.data_begin + size);
        }
}

Failure explain(int code, const std::string &path) {
    switch (code) {
    case EPERM:
        return Failure::system(code, kDevice, "only root of the initial user namespace may configure");
    case ENOMEM:
        return Failure::system(code, kDevice,
                               "no memory for the content of the cache; build for fewer programs");
    case E2BIG:
        return Failure::about(path, "too large for a region in the kernel; build for fewer programs",
                              Failure::kNoOffset, code);
    case EACCES:
        return Failure::about(path, "not root's, or may be written by others", Failure::kNoOffset, code);
    default:
        return Failure::system(code, kDevice, "cannot configure");
    }
}

Outcome<UniqueFd> open_cache(const Generation &generation) {
    struct stat st;
    UniqueFd fd =
        TRY(open_regular_inside(AT_FDCWD, generation.cache_path(), O_RDONLY, generation.cache_path()));
    if (fstat(fd.get(), &st) != 0)
        return Failure::system(errno, generation.cache_path(), "cannot stat");
    if (!(identity_of(st) == generation.cache_identity()))
        return Failure::about(generation.cache_path(), "replaced meanwhile", Failure::kNoOffset, ESTALE);
    return fd;
}

} // namespace

OwnArea own_area(const CacheView &cache) {
    const CacheHeader &header = cache.header();
    uint64_t begin = header.heap_offset;
    for (const CacheSegmentRecord &segment : cache.segments())
        if (segment.kind == uint32_t(SegmentKind::Data) && segment.data_begin < begin)
            begin = segment.data_begin;
    return OwnArea{align_down(begin, kLargePageSize),
                   align_up(header.heap_offset + header.heap_size, kLargePageSize)};
}

uint64_t kernel_base_count(VMSize region_size) {
    constexpr uint64_t kLow = 0x660000000000, kHigh = 0x6f8000000000, kGiB = 1 << 30;
    uint64_t size = align_up(region_size.raw(), kLargePageSize);
    if (size > kGiB)
        return (kHigh - kLow - size) / kLargePageSize;
    // it does not cross a multiple of 1 GiB
    return (kHigh - kLow) / kGiB * ((kGiB - size) / kLargePageSize + 1);
}

Outcome<VMAddress> configure_kernel_region(const Generation &generation, const Uuid &uuid) {
    const CacheView &cache = generation.cache();
    UniqueFd device = TRY(open_region_device());
    UniqueFd file = TRY(open_cache(generation));
    Request request;
    add_text(cache, file.get(), &request);
    add_data(cache, file.get(), &request);
    request.set_pointers();
    shared_region_map_and_slide arg = {};
    arg.size = sizeof arg;
    arg.flags = SHARED_REGION_KEEP | SHARED_REGION_REPLACE;
    arg.mappings = reinterpret_cast<uint64_t>(request.mappings.data());
    arg.mapping_count = uint32_t(request.mappings.size());
    arg.mapping_size = sizeof request.mappings[0];
    arg.region_size = cache.header().region_size;
    std::memcpy(arg.uuid, uuid.bytes, sizeof arg.uuid);
    if (ioctl(device.get(), SHARED_REGION_MAP_AND_SLIDE, &arg) != 0)
        return explain(errno, generation.cache_path());
    return VMAddress(arg.base);
}

Outcome<bool> retire_kernel_region(const Uuid &uuid) {
    UniqueFd device = TRY(open_region_device());
    shared_region_retire arg = {};
    arg.size = sizeof arg;
    arg.flags = SHARED_REGION_RETIRE_UUID;
    std::memcpy(arg.uuid, uuid.bytes, sizeof arg.uuid);
    if (ioctl(device.get(), SHARED_REGION_RETIRE, &arg) == 0)
        return true;
    if (errno == ENOENT || errno == ESTALE)
        return false;
    return Failure::system(errno, kDevice, "cannot retire the region");
}

void drop_kernel_region(const Uuid &uuid) {
    if (has_region_device())
        (void)retire_kernel_region(uuid);
}

Outcome<std::optional<KernelRegionState>> query_kernel_region() {
    if (!has_region_device())
        return std::optional<KernelRegionState>();
    UniqueFd device = TRY(open_region_device());
    shared_region_query query = {};
    query.size = sizeof query;
    if (ioctl(device.get(), SHARED_REGION_QUERY, &query) != 0)
        return Failure::system(errno, kDevice, "cannot query");
    KernelRegionState state;
    state.configured = query.state == SHARED_REGION_STATE_SEALED;
    state.kept = (query.flags & SHARED_REGION_QUERY_KEPT) != 0;
    state.reslide = (query.flags & SHARED_REGION_QUERY_RESLIDE) != 0;
    std::memcpy(state.uuid.bytes, query.uuid, sizeof state.uuid.bytes);
    state.base = query.base;
    state.size = query.region_size;
    state.pages = query.pages;
    state.tables = query.tables;
    state.leaves = query.leaves;
    state.nested = query.nested;
    state.unnested = query.unnested;
    state.flushes = query.flushes;
    state.attached = query.attached;
    state.crashes = query.crashes;
    return std::optional<KernelRegionState>(state);
}

} // namespace sharedregion
