// SPDX-License-Identifier: GPL-2.0-or-later
// A user's own set as a file: what is written is read back, what is damaged or made for something else is
// refused; and the directory that it lies in.
#include "daemon/user/user_directory.h"
#include "daemon/user/user_set_writer.h"
#include "selftests/unit/synthetic_generation.h"
#include "sharedregion/user_set_check.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <thread>

using namespace sharedregion;

namespace {

const std::vector<WritablePiece> kPieces = {{3, 1}, {4, 2}, {16, 100}};

// A set from a synthetic generation and an activation that it fits.
class user_set : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/user-set-test-XXXXXX";
        ASSERT_NE(mkdtemp(name), nullptr);
        root_ = name;
        SyntheticGeneration generation;
        generation.library = generation.loader_path = "/proc/self/exe";
        generation.programs = {{"/bin/a", 77, {}, ""}};
        ASSERT_TRUE(write_synthetic_generation(generation, root_));
        sets_bytes_ = read_whole_file(root_ + "/sets");
        auto sets = SetsView::open(ByteView(sets_bytes_.data(), sets_bytes_.size()));
        ASSERT_TRUE(sets.ok()) << sets.error().what;
        set_.emplace(sets.value().set(sets.value().programs()[0]).value());
        region_ = {};
        region_.uuid = Uuid{{1, 2, 3, 4, 5, 6, 7, 8, 9}};
        region_.cache_uuid = Uuid{{9}};
        region_.base = 0x7e0000000000;
        region_.mapped_size = 64 << 20;
        file_ = make_user_set(plan_with(kPieces));
        fit_ = UserSetFit{&region_, set_->header().key, hash_path("/bin/a", 6)};
    }
    void TearDown() override { (void)remove_tree(AT_FDCWD, root_, root_); }

    Result<UserSetView> open() { return UserSetView::open(ByteView(file_.data(), file_.size()), &fit_); }
    UserSetHeader &header() { return *reinterpret_cast<UserSetHeader *>(file_.data()); }
    void seal() { header().header_sum = header_checksum(&header()); }
    UserSetPlan plan_with(std::vector<WritablePiece> pieces) {
        return UserSetPlan{&region_, &*set_, std::move(pieces), "/state", Uuid{{42}}};
    }

    std::string root_;
    std::vector<unsigned char> sets_bytes_, file_;
    std::optional<SetView> set_;
    RegionHeader region_;
    UserSetFit fit_;
};

TEST_F(user_set, holds_the_blob_slid_to_the_activation) {
    auto view = open();
    ASSERT_TRUE(view.ok()) << view.error().what;
    auto set = SetView::open(view.value().blob());
    ASSERT_TRUE(set.ok()) << set.error().what;
    EXPECT_STREQ(set.value().path(), "/bin/a");
    unsigned words = 0;
    relr_for_each(set_->slide(), [&](uint64_t at) {
        EXPECT_EQ(*view.value().blob().at<uint64_t>(at), *set_->bytes().at<uint64_t>(at) + region_.base);
        words++;
    });
    EXPECT_GT(words, 0U);
}

TEST_F(user_set, tells_what_it_needs_writable_of_the_kernels_region) {
    auto view = open();
    ASSERT_TRUE(view.ok()) << view.error().what;
    ASSERT_EQ(view.value().pieces().size(), kPieces.size());
    for (size_t i = 0; i < kPieces.size(); i++) {
        EXPECT_EQ(view.value().pieces()[i].page, kPieces[i].page);
        EXPECT_EQ(view.value().pieces()[i].count, kPieces[i].count);
    }
}

TEST_F(user_set, with_more_pieces_than_its_first_page_holds_is_not_for_the_kernels_region) {
    file_ = make_user_set(plan_with(std::vector<WritablePiece>(kMostUserSetPieces)));
    ASSERT_TRUE(open().ok());
    EXPECT_EQ(header().piece_count, kMostUserSetPieces);
    file_ = make_user_set(plan_with(std::vector<WritablePiece>(kMostUserSetPieces + 1)));
    ASSERT_TRUE(open().ok());
    EXPECT_EQ(header().piece_count, 0U);
    header().piece_count = kMostUserSetPieces + 1;
    seal();
    EXPECT_FALSE(open().ok());
}

TEST_F(user_set, pieces_lie_in_the_region_one_behind_the_other) {
    region_.region_size = 116 * kPageSize;
    const auto fit = [&](const std::vector<WritablePiece> &pieces) {
        return are_pieces_of(region_, {pieces.data(), pieces.size()});
    };
    EXPECT_TRUE(fit({}));
    EXPECT_TRUE(fit(kPieces));
    EXPECT_FALSE(fit({{16, 101}}));
    EXPECT_FALSE(fit({{UINT32_MAX, UINT32_MAX}}));
    EXPECT_FALSE(fit({{3, 0}}));
    EXPECT_FALSE(fit({{3, 2}, {4, 2}}));
    EXPECT_FALSE(fit({{16, 1}, {3, 1}}));
}

TEST_F(user_set, any_changed_byte_of_header_or_content_is_noticed) {
    for (uint64_t at = 0; at < file_.size(); at++) {
        for (int bit : {0, 7}) {
            file_[at] ^= 1 << bit;
            ASSERT_FALSE(open().ok()) << "byte " << at;
            file_[at] ^= 1 << bit;
        }
    }
    EXPECT_TRUE(open().ok());
}

TEST_F(user_set, any_other_length_is_refused) {
    const std::vector<unsigned char> whole = file_;
    for (uint64_t size = 0; size < whole.size(); size += size < 300 ? 1 : 509) {
        file_.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_FALSE(open().ok()) << size;
    }
    file_ = whole;
    file_.resize(whole.size() + kPageSize);
    EXPECT_FALSE(open().ok());
}

TEST_F(user_set, one_of_another_activation_is_stale) {
    region_.uuid.bytes[15] ^= 1;
    auto view = open();
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error().code, ESTALE);
}

TEST_F(user_set, one_for_another_base_is_stale) {
    region_.base += kLargePageSize;
    auto view = open();
    ASSERT_FALSE(view.ok());
    EXPECT_EQ(view.error().code, ESTALE);
}

TEST_F(user_set, one_of_another_cache_is_stale) {
    region_.cache_uuid.bytes[0] ^= 1;
    EXPECT_FALSE(open().ok());
}

TEST_F(user_set, one_of_another_program_or_path_is_stale) {
    fit_.key++;
    EXPECT_FALSE(open().ok());
    fit_.key--;
    fit_.path_hash++;
    EXPECT_FALSE(open().ok());
}

TEST_F(user_set, one_that_needs_more_text_than_there_is_is_refused) {
    header().text_size = region_.mapped_size + kPageSize;
    seal();
    EXPECT_FALSE(open().ok());
    header().text_size = 0;
    seal();
    EXPECT_FALSE(open().ok());
}

TEST_F(user_set, of_another_version_is_refused) {
    header().version++;
    seal();
    EXPECT_FALSE(open().ok());
    header().version--;
    header().format_version++;
    seal();
    EXPECT_FALSE(open().ok());
}

TEST(user_set_name, tells_program_path_and_activation) {
    UserSetName name(0x0123456789abcdef, 0xfedcba9876543210, Uuid{{1, 0, 0, 0, 0, 0, 0, 0x80}});
    EXPECT_STREQ(name.text, "0123456789abcdef-fedcba9876543210-8000000000000001.set");
    EXPECT_TRUE(is_user_set_name(name.text));
    EXPECT_TRUE(is_user_set_name(UserSetName(1, 2, Uuid{}, UserSetName::Kind::Lock).text));
    EXPECT_TRUE(is_user_set_name(UserSetName(1, 2, Uuid{}, UserSetName::Kind::Failed).text));
    EXPECT_TRUE(is_user_set_name(std::string(name.text) + ".tmp-1234"));
    for (const char *other : {"", "current", ".set", "0123456789abcdef-fedcba9876543210-8000000000000001",
                              "0123456789abcdef-fedcba9876543210-8000000000000001.setx",
                              "0123456789abcdeg-fedcba9876543210-8000000000000001.set"})
        EXPECT_FALSE(is_user_set_name(other)) << other;
}

TEST(user_mark, tells_user_and_activation) {
    const Uuid activation = {{1, 0, 0, 0, 0, 0, 0, 0x80}};
    EXPECT_STREQ(UserMark(UserMark::Kind::Own, 1000, activation).text,
                 "/dev/shm/shared-region-own-1000-8000000000000001");
    EXPECT_STREQ(UserMark(UserMark::Kind::Instead, 0, activation).text,
                 "/dev/shm/shared-region-instead-0-8000000000000001");
    const UserMark longest(UserMark::Kind::Instead, UINT64_MAX, UINT64_MAX);
    EXPECT_EQ(strlen(longest.text) + 1, sizeof longest.text);
}

// The directory of whoever runs the test, in a place of its own.
class user_directory : public user_set {
  protected:
    void SetUp() override {
        user_set::SetUp();
        setenv("XDG_CACHE_HOME", (root_ + "/cache").c_str(), 1);
    }
    void TearDown() override {
        unsetenv("XDG_CACHE_HOME");
        user_set::TearDown();
    }
    std::string save(const UserDirectory &directory, const UserSetPlan &plan) {
        std::vector<unsigned char> bytes = make_user_set(plan);
        std::string name = UserSetName(set_->header().key, hash_path("/bin/a", 6), plan.region->uuid).text;
        EXPECT_TRUE(directory.write(name, bytes.data(), bytes.size()).ok());
        return name;
    }
};

TEST_F(user_directory, is_made_closed_to_others_and_marked_as_a_cache) {
    auto directory = UserDirectory::make();
    ASSERT_TRUE(directory.ok()) << directory.error().message();
    struct stat st;
    ASSERT_EQ(fstat(directory.value().fd(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700U);
    EXPECT_EQ(faccessat(directory.value().fd(), "CACHEDIR.TAG", R_OK, 0), 0);
}

TEST_F(user_directory, a_relative_variable_counts_as_none) {
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", root_.c_str(), 1);
    EXPECT_EQ(UserDirectory::find_path().value(), root_ + "/.cache/shared-region");
    setenv("HOME", "relative", 1);
    EXPECT_FALSE(UserDirectory::find_path().ok());
}

TEST_F(user_directory, pruning_leaves_what_can_still_be_used) {
    UserDirectory directory = std::move(UserDirectory::make().value());
    RegionHeader older = region_, elsewhere = region_;
    older.uuid.bytes[0]++;
    elsewhere.uuid.bytes[1]++;
    const std::string current = save(directory, {&region_, &*set_, {}, "/state", Uuid{{42}}});
    const std::string stale = save(directory, {&older, &*set_, {}, "/state", Uuid{{42}}});
    const std::string other_state = save(directory, {&elsewhere, &*set_, {}, "/other", Uuid{{42}}});
    directory.prune(header());
    EXPECT_TRUE(directory.read(current).has_value());
    EXPECT_FALSE(directory.read(stale).has_value());
    EXPECT_TRUE(directory.read(other_state).has_value());
}

TEST_F(user_directory, pruning_leaves_another_machines_for_a_week) {
    UserDirectory directory = std::move(UserDirectory::make().value());
    RegionHeader older = region_;
    older.uuid.bytes[0]++;
    const std::string name =
        save(directory, {&older, &*set_, {}, "/state", Uuid{{43}}}); // same path, other boot
    const std::string lock = name.substr(0, UserSetName::kStem) + ".lock";
    ASSERT_TRUE(directory.write(lock, "", 0).ok());
    directory.prune(header());
    EXPECT_TRUE(directory.read(name).has_value());
    EXPECT_EQ(faccessat(directory.fd(), lock.c_str(), F_OK, 0), 0);
    const struct timespec old[2] = {{1, 0}, {1, 0}};
    ASSERT_EQ(utimensat(directory.fd(), name.c_str(), old, 0), 0);
    ASSERT_EQ(utimensat(directory.fd(), lock.c_str(), old, 0), 0);
    directory.prune(header());
    EXPECT_FALSE(directory.read(name).has_value());
    EXPECT_NE(faccessat(directory.fd(), lock.c_str(), F_OK, 0), 0);
}

TEST_F(user_directory, a_file_that_others_may_write_is_told_as_unusable) {
    UserDirectory directory = std::move(UserDirectory::make().value());
    const std::string name = save(directory, {&region_, &*set_, {}, "/state", Uuid{}});
    EXPECT_EQ(directory.read(name)->error, "");
    EXPECT_EQ(directory.read(name)->program, "/bin/a");
    ASSERT_EQ(chmod(directory.file(name).c_str(), 0620), 0);
    EXPECT_NE(directory.read(name)->error, "");
}

TEST_F(user_directory, only_one_has_the_lock) {
    UserDirectory directory = std::move(UserDirectory::make().value());
    UniqueFd first = std::move(directory.lock("a.lock", false).value());
    EXPECT_TRUE(first.valid());
    EXPECT_FALSE(directory.lock("a.lock", false).value().valid());
    first.reset();
    EXPECT_TRUE(directory.lock("a.lock", false).value().valid());
}

TEST_F(user_directory, a_lock_that_was_removed_by_its_owner_is_made_again) {
    UserDirectory directory = std::move(UserDirectory::make().value());
    UniqueFd first = std::move(directory.lock("a.lock", false).value());
    std::thread owner([&] {
        usleep(200000);
        (void)directory.remove("a.lock");
        first.reset();
    });
    UniqueFd second = std::move(directory.lock("a.lock", true).value());
    owner.join();
    EXPECT_TRUE(directory.is_named(second.get(), "a.lock"));
    EXPECT_FALSE(directory.lock("a.lock", false).value().valid());
}

TEST_F(user_set, without_the_text_that_is_entered_first_is_refused) {
    region_.loader_entry = 2 * kPageSize;
    region_.loader_size = 100;
    EXPECT_FALSE([&] {
        header().text_size = 2 * kPageSize;
        seal();
        return check_user_set(open().value(), region_).ok();
    }());
}

TEST_F(user_set, larger_than_any_is_refused) {
    file_.resize(kLargestUserSet + kPageSize);
    header().file_size = file_.size();
    header().blob_size = file_.size() - kPageSize;
    header().blob_sum = checksum(file_.data() + kPageSize, header().blob_size);
    seal();
    EXPECT_FALSE(open().ok());
}

TEST(checksum, differs_for_every_changed_bit) {
    uint64_t words[64] = {};
    for (unsigned i = 0; i < 64; i++)
        words[i] = i * 0x123456789;
    const uint64_t good = checksum(words, sizeof words);
    for (uint64_t &word : words)
        for (unsigned bit = 0; bit < 64; bit++) {
            word ^= 1ULL << bit;
            EXPECT_NE(checksum(words, sizeof words), good);
            word ^= 1ULL << bit;
        }
    std::swap(words[3], words[7]); // one chain
    EXPECT_NE(checksum(words, sizeof words), good);
    EXPECT_NE(checksum(words, sizeof words - 32), good);
}

} // namespace
