// SPDX-License-Identifier: GPL-2.0-or-later
// Activation: what it writes, what it refuses, and that a refusal changes nothing.
#include "daemon/activation/place.h"
#include "daemon/activation/region_area.h"
#include "daemon/activation/region_writer.h"
#include "daemon/state/active_region.h"
#include "selftests/unit/activation_fixture.h"
#include "sharedregion/machine.h"

#include <atomic>
#include <cmath>
#include <set>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <thread>

using namespace sharedregion;

namespace {

uint64_t word_at(const std::vector<unsigned char> &bytes, uint64_t at) {
    uint64_t value = 0;
    if (at + 8 <= bytes.size())
        std::memcpy(&value, bytes.data() + at, 8);
    return value;
}

const RegionHeader &header_of(const std::vector<unsigned char> &bytes) {
    return *reinterpret_cast<const RegionHeader *>(bytes.data());
}

TEST_F(activation, writes_a_region_that_names_its_cache) {
    Activation done = activate_well();
    std::vector<unsigned char> region = read_whole_file(state_->file("active/region"));
    ASSERT_GT(region.size(), sizeof(RegionHeader));
    const RegionHeader &header = header_of(region);
    EXPECT_EQ(header.file_size, region.size());
    EXPECT_EQ(header.base, done.base.raw());
    EXPECT_TRUE(header.cache_uuid == done.cache_uuid);
    EXPECT_STREQ(reinterpret_cast<const char *>(&region[header.strings.offset + header.cache_path.offset]),
                 generation_file("one", "shared_cache").c_str());
    EXPECT_EQ(header.mapped_size, kSynMapped);
    EXPECT_EQ(header.loader_entry, kSynLoader);
}

TEST_F(activation, that_needs_a_region_in_the_kernel_fails_without_one_and_changes_nothing) {
    if (access("/dev/shared_region", F_OK) == 0)
        GTEST_SKIP() << "this machine has /dev/shared_region";
    activate_well();
    std::string before = state_->active_directory();
    ActivationRequest request{&*state_, "one", tmpfs_, KernelRegion::Required};
    Outcome<Activation> outcome = activate(request);
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("/dev/shared_region"), std::string::npos);
    EXPECT_EQ(state_->active_directory(), before);
    request.kernel = KernelRegion::IfPossible;
    EXPECT_TRUE(activate(request).ok());
    EXPECT_EQ(header_of(read_whole_file(state_->file("active/region"))).flags, 0U);
    Outcome<bool> detached = detach_kernel_region(*state_);
    ASSERT_TRUE(detached.ok());
    EXPECT_FALSE(detached.value());
}

TEST_F(activation, slides_each_listed_word_of_data_and_no_other) {
    Activation done = activate_well();
    std::vector<unsigned char> region = read_whole_file(state_->file("active/region"));
    std::vector<unsigned char> cache = read_whole_file(generation_file("one", "shared_cache"));
    uint64_t data = header_of(region).data_offset;
    for (uint64_t at = 0; at < kSynDataSize; at += 8) {
        bool slides = kSynData + at == kSynSlideA || kSynData + at == kSynSlideB;
        EXPECT_EQ(word_at(region, data + at), word_at(cache, kSynData + at) + (slides ? done.base.raw() : 0))
            << at;
    }
}

TEST_F(activation, slides_the_pages_of_sets) {
    Activation done = activate_well();
    std::vector<unsigned char> region = read_whole_file(state_->file("active/region"));
    const RegionHeader &header = header_of(region);
    Result<SetView> set = SetView::open(ByteView(&region[header.sets.offset], header.sets.size));
    ASSERT_TRUE(set.ok());
    ByteView pages = set.value().pages(set.value().page_ops()[0]);
    uint64_t word;
    std::memcpy(&word, pages.data() + 0x20, 8);
    EXPECT_EQ(word, kSynValueA + done.base.raw());
}

TEST_F(activation, index_finds_each_set_by_its_key) {
    activate_well();
    std::vector<unsigned char> region = read_whole_file(state_->file("active/region"));
    const RegionHeader &header = header_of(region);
    const auto *slots = reinterpret_cast<const RegionIndexSlot *>(&region[header.index.offset]);
    for (uint64_t key : {0x1111, 0x2222}) {
        uint64_t at = key;
        while (slots[at & (header.index.size - 1)].key != key) {
            ASSERT_NE(slots[at & (header.index.size - 1)].key, 0U);
            at++;
        }
        uint64_t blob = slots[at & (header.index.size - 1)].blob_offset;
        Result<SetView> set = SetView::open(ByteView(&region[blob], region.size() - blob));
        ASSERT_TRUE(set.ok());
        EXPECT_EQ(set.value().header().key, key);
    }
}

TEST_F(activation, region_is_read_only_and_takes_at_most_whole_large_pages) {
    Activation done = activate_well();
    struct stat st;
    ASSERT_EQ(stat((done.directory + "/region").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0444U);
    EXPECT_EQ(uint64_t(st.st_size), done.bytes);
    EXPECT_LE(uint64_t(st.st_blocks) * 512, align_up(st.st_size, kLargePageSize));
}

TEST_F(activation, zero_pages_are_written_as_holes) {
    Outcome<Generation> generation = Generation::open(state_->generation_path("one"));
    ASSERT_TRUE(generation.ok());
    RegionPlan plan = {};
    plan.generation = &generation.value();
    plan.cache_path = generation.value().cache_path();
    UniqueFd file(open(tmpfs_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(write_region(plan, file.get(), "region").ok());
    struct stat st;
    ASSERT_EQ(fstat(file.get(), &st), 0);
    EXPECT_LT(uint64_t(st.st_blocks) * 512, uint64_t(st.st_size)) << "one of three data pages is zero";
}

TEST_F(activation, large_pages_change_no_byte_of_the_region) {
    Activation done = activate_well();
    std::vector<unsigned char> region = read_whole_file(state_->file("active/region"));
    UniqueFd copy(open(tmpfs_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(pwrite(copy.get(), region.data(), region.size(), 0), ssize_t(region.size()));
    make_file_large(copy.get(), region.size());
    std::vector<unsigned char> after(region.size() + 1);
    ASSERT_EQ(pread(copy.get(), after.data(), after.size(), 0), ssize_t(region.size()));
    after.resize(region.size());
    EXPECT_EQ(after, region);
}

TEST_F(activation, a_cache_without_a_slot_of_text_has_no_large_text) {
    Activation done = activate_well(); // its text shares a slot with its data
    EXPECT_EQ(done.text.bytes, 0U);
    EXPECT_EQ(done.text.large, 0U);
}

TEST_F(activation, every_base_is_a_large_page_inside_the_area_and_differs) {
    std::set<uint64_t> bases;
    RegionArea area = RegionArea::of_this_machine();
    for (int i = 0; i < 8; i++) {
        Activation done = activate_well();
        EXPECT_EQ(done.base.raw() % kLargePageSize, 0U);
        bool inside = false;
        for (const AddressRange &range : area.ranges())
            inside |= done.base.raw() >= range.begin && done.base.raw() + kSynRegion <= range.end;
        EXPECT_TRUE(inside) << done.base.raw();
        EXPECT_EQ(done.entropy_bits, std::log2(double(area.count(VMSize(kSynRegion)))));
        bases.insert(done.base.raw());
    }
    EXPECT_EQ(bases.size(), 8U);
}

TEST_F(activation, a_region_that_does_not_fit_its_area_is_refused) {
    synthetic_.region_size = 1ULL << 46;
    build("huge");
    Outcome<Activation> outcome = activate_one("huge");
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("larger than"), std::string::npos);
}

TEST_F(activation, hard_links_share_one_set) {
    ASSERT_EQ(link(path("program-a").c_str(), path("program-c").c_str()), 0);
    synthetic_.programs.push_back({path("program-c"), 0x1111, {}, ""});
    build("one");
    EXPECT_EQ(activate_well().sets, 2U);
}

TEST_F(activation, a_set_with_a_changed_library_is_left_out_with_its_reason) {
    ASSERT_TRUE(write_file(path("library"), "another", 7));
    Activation done = activate_well();
    EXPECT_EQ(done.sets, 0U);
    ASSERT_EQ(done.left_out.size(), 2U);
    EXPECT_EQ(done.left_out[0].program, path("program-a"));
    EXPECT_EQ(done.left_out[0].why.reason, "library-changed");
    EXPECT_EQ(done.left_out[0].why.detail, path("library"));
}

TEST_F(activation, a_deleted_library_leaves_its_sets_out) {
    ASSERT_EQ(unlink(path("library").c_str()), 0);
    Activation done = activate_well();
    ASSERT_EQ(done.left_out.size(), 2U);
    EXPECT_EQ(done.left_out[1].why.reason, "library-changed");
}

TEST_F(activation, a_shadowing_file_leaves_only_the_sets_out_that_it_shadows) {
    ASSERT_TRUE(write_file(path("absent"), "x", 1));
    Activation done = activate_well();
    EXPECT_EQ(done.sets, 1U);
    ASSERT_EQ(done.left_out.size(), 1U);
    EXPECT_EQ(done.left_out[0].why.reason, "library-shadowed");
    EXPECT_EQ(done.left_out[0].why.detail, path("absent"));
}

TEST_F(activation, a_changed_program_is_left_out) {
    ASSERT_TRUE(write_file(path("program-b"), "new", 3));
    Activation done = activate_well();
    ASSERT_EQ(done.left_out.size(), 1U);
    EXPECT_EQ(done.left_out[0].why.reason, "program-changed");
}

TEST_F(activation, a_changed_ld_so_is_told) {
    ASSERT_TRUE(write_file(path("ld.so"), "new", 3));
    Activation done = activate_well();
    ASSERT_TRUE(done.environment.has_value());
    EXPECT_EQ(done.environment->reason, "loader-changed");
    EXPECT_EQ(done.environment->detail, path("ld.so"));
}

TEST_F(activation, tells_starts_whether_the_kernel_still_has_the_vdso_of_the_build) {
    auto vdso_checked = [&](uint64_t hash) {
        synthetic_.machine.vdso_hash = hash;
        std::string name = "vdso-" + std::to_string(hash);
        build(name);
        EXPECT_TRUE(activate_one(name).ok());
        return (header_of(read_whole_file(state_->file("active/region"))).flags & kRegionVdsoChecked) != 0;
    };
    Environment machine = {};
    UniqueFd auxv(open("/proc/self/auxv", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(read_machine(auxv.get(), &machine));
    EXPECT_TRUE(vdso_checked(machine.vdso_hash));
    EXPECT_FALSE(vdso_checked(machine.vdso_hash + 1));
    EXPECT_FALSE(vdso_checked(0));
}

TEST_F(activation, sets_of_another_cache_are_refused) {
    Uuid other = {{1, 2, 3}};
    std::vector<unsigned char> sets = make_synthetic_sets(synthetic_, other);
    ASSERT_TRUE(write_file(generation_file("one", "sets"), sets.data(), sets.size()));
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().where, offsetof(SetsHeader, cache_uuid));
    EXPECT_EQ(outcome.error().file, generation_file("one", "sets"));
}

// Sealed again after the change: what the SHA-256 cannot see, the cross-checks must.
TEST_F(activation, a_dependency_that_is_not_the_caches_image_is_refused) {
    std::vector<unsigned char> cache = make_synthetic_cache(synthetic_);
    Uuid uuid = reinterpret_cast<const CacheHeader *>(&cache[kCacheHeaderOffset])->file.uuid;
    SyntheticGeneration other = synthetic_;
    other.library = path("program-a");
    std::vector<unsigned char> sets = make_synthetic_sets(other, uuid);
    ASSERT_TRUE(write_file(generation_file("one", "sets"), sets.data(), sets.size()));
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("dependency"), std::string::npos);
    EXPECT_NE(outcome.error().where, Failure::kNoOffset);
}

TEST_F(activation, a_word_to_slide_outside_data_is_refused) {
    std::vector<unsigned char> cache = make_synthetic_cache(synthetic_);
    auto *header = reinterpret_cast<CacheHeader *>(&cache[kCacheHeaderOffset]);
    uint64_t text = kSynText;
    std::memcpy(&cache[header->slide.offset], &text, 8);
    reseal(&cache, kCacheHeaderOffset);
    header = reinterpret_cast<CacheHeader *>(&cache[kCacheHeaderOffset]);
    std::vector<unsigned char> sets = make_synthetic_sets(synthetic_, header->file.uuid);
    ASSERT_TRUE(write_file(generation_file("one", "shared_cache"), cache.data(), cache.size()));
    ASSERT_TRUE(write_file(generation_file("one", "sets"), sets.data(), sets.size()));
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("slide"), std::string::npos);
}

// Found by the fuzzer: words to slide were looked for there, outside of the file.
TEST_F(activation, a_place_for_data_in_a_text_segment_is_refused) {
    std::vector<unsigned char> cache = make_synthetic_cache(synthetic_);
    auto *header = reinterpret_cast<CacheHeader *>(&cache[kCacheHeaderOffset]);
    auto *text = reinterpret_cast<CacheSegmentRecord *>(&cache[header->segments.offset]);
    ASSERT_EQ(text->kind, uint32_t(SegmentKind::Text));
    text->data_begin = kSynText;
    text->data_span = 1ULL << 40;
    auto opened = CacheView::open(ByteView(cache.data(), cache.size()));
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().where, header->segments.offset);
}

// Flips one bit of one byte at a time and expects a refusal that names the file and an offset, and that the
// old activation stays.
class flipped : public activation {
  protected:
    void expect_refused(const std::string &file, uint64_t at) {
        std::string name = generation_file("one", file);
        int fd = open(name.c_str(), O_RDWR | O_CLOEXEC);
        unsigned char byte;
        ASSERT_EQ(pread(fd, &byte, 1, at), 1);
        unsigned char wrong = byte ^ (1 << (at % 8));
        ASSERT_EQ(pwrite(fd, &wrong, 1, at), 1);
        Outcome<Activation> outcome = activate_one();
        EXPECT_FALSE(outcome.ok()) << file << " with byte " << at << " flipped was activated";
        if (!outcome.ok()) {
            EXPECT_NE(outcome.error().where, Failure::kNoOffset) << outcome.error().message();
            EXPECT_FALSE(outcome.error().file.empty());
        }
        ASSERT_EQ(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
};

TEST_F(flipped, each_byte_of_the_cache_header_is_refused) {
    Activation before = activate_well();
    for (uint64_t at = 0; at < sizeof(CacheHeader); at++)
        expect_refused("shared_cache", kCacheHeaderOffset + at);
    EXPECT_EQ(state_->active_directory(), before.directory);
    EXPECT_EQ(access((before.directory + "/region").c_str(), R_OK), 0);
}

TEST_F(flipped, each_byte_of_the_sets_header_is_refused) {
    Activation before = activate_well();
    for (uint64_t at = 0; at < sizeof(SetsHeader); at++)
        expect_refused("sets", at);
    EXPECT_EQ(state_->active_directory(), before.directory);
}

TEST_F(flipped, a_byte_of_each_page_and_table_of_both_files_is_refused) {
    Activation before = activate_well();
    for (const char *file : {"shared_cache", "sets"}) {
        uint64_t size = read_whole_file(generation_file("one", file)).size();
        for (uint64_t at = 0; at < size; at += 97) // prime: meets every field of every table sooner or later
            expect_refused(file, at);
        expect_refused(file, size - 1);
    }
    EXPECT_EQ(state_->active_directory(), before.directory);
}

TEST_F(flipped, each_byte_of_the_first_sets_metadata_is_refused) {
    std::vector<unsigned char> sets = read_whole_file(generation_file("one", "sets"));
    const auto *first = reinterpret_cast<const SetHeader *>(&sets[kPageSize]);
    ASSERT_EQ(first->magic, kSetMagic);
    for (uint64_t at = 0; at < first->metadata_size; at++)
        expect_refused("sets", kPageSize + at);
}

TEST_F(flipped, a_truncated_file_is_refused) {
    for (const char *file : {"shared_cache", "sets"}) {
        std::string name = generation_file("one", file);
        std::vector<unsigned char> bytes = read_whole_file(name);
        for (uint64_t size : {uint64_t(0), uint64_t(1), uint64_t(4096), uint64_t(bytes.size() - 1)}) {
            ASSERT_TRUE(write_file(name, bytes.data(), size));
            EXPECT_FALSE(activate_one().ok()) << file << " cut to " << size;
        }
        ASSERT_TRUE(write_file(name, bytes.data(), bytes.size()));
    }
    EXPECT_TRUE(activate_one().ok());
}

TEST_F(activation, an_older_activation_is_removed_but_stays_readable_where_it_is_open) {
    Activation first = activate_well();
    int fd = open((first.directory + "/region").c_str(), O_RDONLY | O_CLOEXEC);
    Activation second = activate_well();
    EXPECT_NE(first.directory, second.directory);
    EXPECT_NE(access(first.directory.c_str(), F_OK), 0);
    char magic[8];
    EXPECT_EQ(pread(fd, magic, 8, 0), 8);
    EXPECT_EQ(std::memcmp(magic, kRegionMagic, 8), 0);
    close(fd);
}

TEST_F(activation, readers_see_the_old_or_the_new_region_at_every_moment) {
    activate_well();
    std::atomic<bool> stop = false;
    std::atomic<unsigned> failures = 0, reads = 0;
    std::string name = state_->file("active/region");
    std::thread reader([&] {
        while (!stop) {
            int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC);
            RegionHeader header;
            bool good = fd >= 0 && pread(fd, &header, sizeof header, 0) == sizeof header &&
                        std::memcmp(header.magic, kRegionMagic, 8) == 0 && header.file_size != 0;
            struct stat st;
            good = good && fstat(fd, &st) == 0 && uint64_t(st.st_size) == header.file_size;
            failures += !good;
            reads++;
            if (fd >= 0)
                close(fd);
        }
    });
    for (int i = 0; i < 20; i++)
        activate_well();
    stop = true;
    reader.join();
    EXPECT_EQ(failures, 0U);
    EXPECT_GT(reads, 20U);
}

TEST_F(activation, deactivation_removes_link_and_directory) {
    Activation done = activate_well();
    ASSERT_TRUE(deactivate(*state_).ok());
    EXPECT_NE(access(done.directory.c_str(), F_OK), 0);
    EXPECT_EQ(state_->active_directory(), "");
    EXPECT_EQ(list_directory(in(tmpfs_).get(), tmpfs_).value(), Names()) << "nothing is left in memory";
    EXPECT_TRUE(deactivate(*state_).ok()) << "a second time";
}

TEST_F(activation, in_another_place_leaves_nothing_in_the_old_one) {
    activate_well();
    std::string old = tmpfs_;
    tmpfs_ = root_ + "/other-tmpfs";
    ASSERT_EQ(mkdir(tmpfs_.c_str(), 0755), 0);
    activate_well();
    EXPECT_EQ(names_in_place().size(), 2U);
    EXPECT_EQ(list_directory(in(old).get(), old).value(), Names());
}

TEST_F(activation, removes_what_deleted_state_directories_left) {
    activate_well();
    const std::string key = activation_key(state_->path());
    ASSERT_EQ(names_in_place(), (Names{key, key + ".state"}));
    Outcome<StateDirectory> next = StateDirectory::make(root_ + "/next");
    ASSERT_TRUE(next.ok());
    std::string gone = state_->path();
    std::swap(*state_, next.value());
    build("one");
    activate_well();
    EXPECT_EQ(names_in_place().size(), 4U) << "those of a state directory that exists stay";
    ASSERT_TRUE(remove_tree(AT_FDCWD, gone, gone).ok());
    activate_well();
    const std::string next_key = activation_key(state_->path());
    EXPECT_EQ(names_in_place(), (Names{next_key, next_key + ".state"}));
}

TEST_F(activation, leaves_alone_what_does_not_tell_whose_it_is) {
    std::string place = tmpfs_ + "/shared-region-" + std::to_string(geteuid());
    ASSERT_EQ(mkdir(place.c_str(), 0700), 0);
    ASSERT_EQ(mkdir((place + "/0123456789abcdef").c_str(), 0700), 0);
    ASSERT_EQ(symlink("/none/such", (place + "/0123456789abcdef.state").c_str()), 0); // another path's key
    activate_well();
    EXPECT_EQ(names_in_place().size(), 4U);
}

TEST_F(activation, a_place_that_is_no_tmpfs_is_refused) {
    struct statfs fs;
    ASSERT_EQ(statfs("/usr", &fs), 0);
    char name[] = "/var/tmp/activation-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    tmpfs_ = name;
    if (statfs(name, &fs) == 0 && fs.f_type != 0x01021994) {
        Outcome<Activation> outcome = activate_one();
        ASSERT_FALSE(outcome.ok());
        EXPECT_NE(outcome.error().message().find("tmpfs"), std::string::npos);
    }
    (void)remove_tree(AT_FDCWD, name, name);
}

TEST_F(activation, a_place_that_others_can_write_is_refused) {
    std::string place = tmpfs_ + "/shared-region-" + std::to_string(geteuid());
    ASSERT_EQ(mkdir(place.c_str(), 0755), 0);
    ASSERT_EQ(chmod(place.c_str(), 0777), 0);
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("writable by others"), std::string::npos);
}

TEST_F(activation, a_place_of_another_owner_is_refused) {
    if (geteuid() != 0)
        GTEST_SKIP() << "only root can make a directory of another owner";
    std::string place = tmpfs_ + "/shared-region-0";
    ASSERT_EQ(mkdir(place.c_str(), 0755), 0);
    ASSERT_EQ(chown(place.c_str(), 12345, 12345), 0);
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error().message().find("another user"), std::string::npos);
}

// What others could make again after a reboot must have a name that they cannot know.
TEST_F(activation, where_others_can_make_names_the_activation_is_closed_to_them) {
    tmpfs_ = root_ + "/everybodys";
    ASSERT_EQ(mkdir(tmpfs_.c_str(), 0755), 0);
    ASSERT_EQ(chmod(tmpfs_.c_str(), 01777), 0);
    Activation done = activate_well();
    struct stat st;
    for (const std::string &directory :
         {done.directory, done.directory.substr(0, done.directory.rfind('/')), state_->path()}) {
        ASSERT_EQ(stat(directory.c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 077, 0U) << directory;
    }
    if (geteuid() == 0) {
        tmpfs_ = root_ + "/tmpfs";
        activate_well();
        ASSERT_EQ(stat(state_->path().c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, 0755U) << "a better place opens the state again";
    }
}

TEST_F(activation, a_symlink_in_the_place_is_not_followed) {
    std::string place = tmpfs_ + "/shared-region-" + std::to_string(geteuid());
    std::string target = path("elsewhere");
    ASSERT_EQ(mkdir(target.c_str(), 0755), 0);
    ASSERT_EQ(symlink(target.c_str(), place.c_str()), 0);
    Outcome<Activation> outcome = activate_one();
    ASSERT_FALSE(outcome.ok());
    Outcome<std::vector<std::string>> names = list_directory(open(target.c_str(), O_RDONLY), target);
    EXPECT_TRUE(names.ok() && names.value().empty());
}

TEST_F(activation, a_full_tmpfs_is_one_clear_failure_and_the_old_activation_stays) {
    Activation before = activate_well();
    pid_t child = fork();
    if (child == 0) { // in a mount namespace of its own
        std::string small = path("small");
        mkdir(small.c_str(), 0755);
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("small", small.c_str(), "tmpfs", 0, "size=12k,mode=0755") != 0)
            _exit(77);
        tmpfs_ = small;
        Outcome<Activation> outcome = activate_one();
        bool clear = !outcome.ok() && outcome.error().code == ENOSPC &&
                     outcome.error().message().find("No space left") != std::string::npos &&
                     outcome.error().where != Failure::kNoOffset;
        std::string key =
            small + "/shared-region-" + std::to_string(geteuid()) + "/" + activation_key(state_->path());
        UniqueFd place(open(key.c_str(), O_RDONLY | O_DIRECTORY));
        Outcome<std::vector<std::string>> left = list_directory(place.get(), key);
        _exit(clear && left.ok() && left.value().empty() ? 0 : 1);
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        GTEST_SKIP() << "mount namespaces are not allowed here";
    EXPECT_EQ(status, 0);
    EXPECT_EQ(state_->active_directory(), before.directory);
    EXPECT_EQ(access((before.directory + "/region").c_str(), R_OK), 0);
}

TEST_F(activation, status_header_tells_what_is_in_use) {
    Activation done = activate_well();
    Outcome<std::optional<ActiveRegion>> region = ActiveRegion::open(*state_);
    ASSERT_TRUE(region.ok() && region.value().has_value());
    EXPECT_EQ(region.value()->set_count(), 2U);
    EXPECT_TRUE(region.value()->contains(0x2222));
    EXPECT_FALSE(region.value()->contains(0x3333));
    EXPECT_EQ(region.value()->bytes(), done.bytes);
}

} // namespace
