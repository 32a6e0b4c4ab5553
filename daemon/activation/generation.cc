// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/activation/generation.h"

#include "daemon/files/in_file.h"
#include "sharedregion/hash_tree.h"

#include <sys/mman.h>
#include <unistd.h>

namespace sharedregion {

namespace {

SetLimits limits_of(const CacheView &cache) {
    const CacheHeader &header = cache.header();
    return SetLimits{header.data_size, header.mapped_size, header.heap_offset,
                     header.heap_size, header.region_size, cache.images().size()};
}

// The index of dependencies must name the very files of the cache's image table.
Status check_dependencies(const SetView &set, const CacheView &cache) {
    for (const SetDependency &dependency : set.dependencies()) {
        const auto *at = reinterpret_cast<const unsigned char *>(&dependency);
        uint64_t where = at - set.bytes().data();
        if (dependency.image >= cache.images().size())
            return Error{22, "set: a dependency names no image; build it again", where};
        if (!(cache.images()[dependency.image].identity == dependency.identity))
            return Error{22, "set: a dependency is another file than the cache's image; build it again",
                         where};
    }
    return Success{};
}

Error in_blob(Error error, const SetProgramRecord &program) {
    error.where += program.blob_offset;
    return error;
}

} // namespace

Outcome<Generation> Generation::open(const std::string &directory) {
    MappedFile cache_file = TRY(MappedFile::open(directory + "/shared_cache"));
    MappedFile sets_file = TRY(MappedFile::open(directory + "/sets"));
    CacheView cache = TRY(in_file(CacheView::open(cache_file.bytes()), cache_file.path()));
    SetsView sets = TRY(in_file(SetsView::open(sets_file.bytes()), sets_file.path()));
    if (!(sets.header().cache_uuid == cache.header().file.uuid))
        return Failure::about(sets_file.path(), "made for another shared_cache; build it again",
                              offsetof(SetsHeader, cache_uuid));
    Generation generation(std::move(cache_file), std::move(sets_file), cache, sets);
    const std::string shim_path = directory + "/shim-sets";
    if (access(shim_path.c_str(), F_OK) != 0)
        return generation;
    MappedFile shim_file = TRY(MappedFile::open(shim_path));
    SetsView shim_sets = TRY(in_file(SetsView::open(shim_file.bytes()), shim_path));
    if (!(shim_sets.header().cache_uuid == cache.header().file.uuid))
        return Failure::about(shim_path, "made for another shared_cache; build it again",
                              offsetof(SetsHeader, cache_uuid));
    generation.shim_sets_.emplace(ShimSets{std::move(shim_file), shim_sets});
    return generation;
}

Outcome<SetView> Generation::set(const SetProgramRecord &program) const {
    return in_file(sets_.set(program), sets_path());
}

Outcome<SetView> Generation::shim_set(const SetProgramRecord &program) const {
    return in_file(shim_sets_->view.set(program), shim_sets_->file.path());
}

Done Generation::verify() const {
    // What is not in the page cache yet (after a boot) is read as large pages at once, where there are such.
    ByteView bytes = cache_.bytes();
    (void)madvise(const_cast<unsigned char *>(bytes.data()), bytes.size(), MADV_HUGEPAGE);
    TRY(in_file(verify_hash_tree(cache_.bytes(), kCacheHeaderOffset), cache_path()));
    TRY(in_file(cache_.check_slide(), cache_path()));
    TRY(verify_sets(sets_, sets_path()));
    return shim_sets_ ? verify_sets(shim_sets_->view, shim_sets_->file.path()) : Done(Success{});
}

Done Generation::verify_sets(const SetsView &sets, const std::string &path) const {
    TRY(in_file(verify_hash_tree(sets.bytes(), 0), path));
    SetLimits limits = limits_of(cache_);
    for (const SetProgramRecord &program : sets.programs()) {
        if (!SetsView::captured(program))
            continue;
        SetView view = TRY(in_file(sets.set(program), path));
        Status words = view.check_words(limits);
        if (!words.ok())
            return Failure::of(in_blob(words.error(), program), path);
        Status dependencies = check_dependencies(view, cache_);
        if (!dependencies.ok())
            return Failure::of(in_blob(dependencies.error(), program), path);
    }
    return Success{};
}

const FileIdentity &FileCheck::identity(const std::string &path) {
    auto [entry, is_new] = known_.try_emplace(path);
    if (is_new)
        entry->second = identity_of_path(path);
    return entry->second;
}

std::optional<Stale> FileCheck::stale(const SetView &set) {
    if (!(identity(set.path()) == set.header().identity))
        return Stale{"program-changed", set.path()};
    for (const SetDependency &dependency : set.dependencies()) {
        const char *path = set.string(dependency.path);
        if (!(identity(path) == dependency.identity))
            return Stale{"library-changed", path};
    }
    for (uint32_t offset : set.absent()) {
        const char *path = set.string(offset);
        if (!(identity(path) == FileIdentity{}))
            return Stale{"library-shadowed", path};
    }
    return std::nullopt;
}

std::optional<Stale> FileCheck::stale(const SetsView &sets) {
    const Environment &built = sets.header().environment;
    if (!(identity(sets.loader_path()) == built.loader))
        return Stale{"loader-changed", sets.loader_path()};
    if (!(identity("/etc/ld.so.cache") == built.loader_cache))
        return Stale{"ld-cache-changed", "/etc/ld.so.cache"};
    if (!(identity("/etc/ld.so.preload") == built.loader_preload))
        return Stale{"preload-file", "/etc/ld.so.preload"};
    return std::nullopt;
}

std::string to_hex(const Uuid &uuid) {
    std::string text;
    for (uint8_t byte : uuid.bytes)
        for (unsigned digit : {byte >> 4, byte & 15})
            text += "0123456789abcdef"[digit];
    return text;
}

} // namespace sharedregion
