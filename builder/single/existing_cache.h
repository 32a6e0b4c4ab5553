// SPDX-License-Identifier: GPL-2.0-or-later
// A finished shared_cache as captures and sets need it: where libraries lie, and the content of their data.
//
// The same three things that a build has from its model (builder/phases), read from the file instead. The
// file's hashes are not checked: whoever activated it did, and told which file that was.
#pragma once

#include "builder/sets/sets.h"
#include "builder/sets/vdso_stubs.h"
#include "builder/support/mapped_file.h"
#include "sharedregion/cache_view.h"

#include <optional>

namespace sharedregion {

// Base content as the file holds it: final, with the pages that the build adopted from captures.
class FileContent : public BaseContent {
  public:
    explicit FileContent(const CacheView &cache);
    const std::byte *page(VMOffset offset) const override;
    bool slides(VMOffset offset) const override;
    SlideBits slide_bits(VMOffset offset) const override;

  private:
    // Of the data area; nullopt outside of all stored data.
    std::optional<uint64_t> data_offset(VMOffset offset, uint64_t size) const;
    const CacheSegmentRecord *data_segment_at(uint64_t offset) const;

    const CacheView &cache_;
    std::vector<uint64_t> slides_; // one bit per word of the data area
};

class ExistingCache {
  public:
    // `interpreter` is the canonical path of the genuine ld.so. Errors: the file is damaged, or of another
    // ld.so.
    static Outcome<ExistingCache> open(const std::string &path, const std::string &interpreter);

    const Uuid &uuid() const { return view_.header().file.uuid; }
    const CacheView &view() const { return view_; }
    const SteeringPlan &plan() const { return plan_; }
    const CacheLayout &layout() const { return layout_; }
    VdsoWords vdso_words() const;
    LoaderExtent loader_extent() const;
    // The image of a file; nullptr: the cache has none of this path or content. `changed`: it has the path,
    // but of another file.
    const PlannedImage *find(const std::string &path, const FileIdentity &identity, bool *changed) const;

  private:
    ExistingCache(MappedFile file, const CacheView &view) : file_(std::move(file)), view_(view) {}
    Done read_images(const FileIdentity &loader, const std::string &path);

    MappedFile file_;
    CacheView view_;
    SteeringPlan plan_;
    CacheLayout layout_;
};

} // namespace sharedregion
