// SPDX-License-Identifier: GPL-2.0-or-later
// See loaded_words.h.
#include "selftests/unit/loaded_words.h"

#include "builder/support/file.h"
#include "builder/support/run_command.h"
#include "selftests/unit/model_of_programs.h"

#include <cstring>
#include <gtest/gtest.h>

namespace sharedregion::testing {

namespace {

// Takes bytes off the front of a dump.
class DumpReader {
  public:
    explicit DumpReader(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
    bool at_end() const { return at_ == bytes_.size(); }
    bool failed() const { return failed_; }
    void take(void *target, uint64_t size) {
        if (size > bytes_.size() - at_) {
            failed_ = true;
            at_ = bytes_.size();
            return;
        }
        std::memcpy(target, bytes_.data() + at_, size);
        at_ += size;
    }
    uint64_t number() {
        uint64_t value = 0;
        take(&value, sizeof value);
        return value;
    }
    uint64_t left() const { return bytes_.size() - at_; }

  private:
    std::vector<std::byte> bytes_;
    uint64_t at_ = 0;
    bool failed_ = false;
};

LoadedLibrary read_library(DumpReader *dump) {
    LoadedLibrary library;
    library.address = dump->number();
    library.path.resize(std::min(dump->number(), dump->left()));
    uint64_t segments = dump->number();
    dump->take(library.path.data(), library.path.size());
    for (uint64_t i = 0; i < segments && !dump->failed(); i++) {
        LoadedSegment segment{dump->number(), {}};
        segment.bytes.resize(std::min(dump->number(), dump->left()));
        dump->take(segment.bytes.data(), segment.bytes.size());
        library.segments.push_back(std::move(segment));
    }
    Outcome<std::string> canonical = canonical_path(library.path);
    if (canonical.ok())
        library.path = canonical.value();
    return library;
}

} // namespace

bool LoadedLibrary::word(uint64_t vaddr, uint64_t *value) const {
    for (const LoadedSegment &segment : segments)
        if (vaddr >= segment.vaddr && vaddr - segment.vaddr + 8 <= segment.bytes.size()) {
            std::memcpy(value, segment.bytes.data() + (vaddr - segment.vaddr), sizeof *value);
            return true;
        }
    return false;
}

std::vector<LoadedLibrary> load_words(const std::string &program) {
    std::string file = make_temporary_directory() + "/words";
    CommandResult result = run_command({program, file}, {"LD_BIND_NOW=1"}, 10000);
    std::vector<LoadedLibrary> libraries;
    auto opened = open_to_read(file);
    if (result.status != 0 || !opened.ok()) {
        ADD_FAILURE() << program << ": status " << result.status << " " << result.output;
        return libraries;
    }
    auto bytes = read_at(opened.value().get(), 0, identity_of_path(file).value().size, file);
    DumpReader dump(std::move(bytes.value()));
    while (!dump.at_end())
        libraries.push_back(read_library(&dump));
    EXPECT_FALSE(dump.failed()) << program << ": output is cut off";
    return libraries;
}

} // namespace sharedregion::testing
