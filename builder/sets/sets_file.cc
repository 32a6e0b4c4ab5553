// SPDX-License-Identifier: GPL-2.0-or-later
// write_sets_file(): header page, program table, strings, blobs, hash tree.
#include "builder/sets/sets.h"

#include "builder/support/file.h"
#include "builder/support/hash_body.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace sharedregion {

namespace {

class Silent : public Progress {
  public:
    void report(uint64_t, uint64_t, const char *) override {}
};

class Strings {
  public:
    StringRef add(const std::string &text) {
        StringRef ref{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(text.size())};
        text_.append(text.c_str(), text.size() + 1);
        return ref;
    }
    const std::string &text() const { return text_; }

  private:
    std::string text_;
};

// Everything before the blobs, with file offsets.
struct Front {
    SetsHeader header = {};
    std::vector<SetProgramRecord> programs;
    Strings strings;
    uint64_t end = 0; // of the last blob
};

Front make_front(const Uuid &cache_uuid, const Environment &environment, const std::string &loader_path,
                 const std::string &preload, const std::vector<ProgramOutcome> &outcomes) {
    Front front;
    SetsHeader &header = front.header;
    std::memcpy(header.file.magic, kSetsMagic, sizeof header.file.magic);
    header.file.version = kFormatVersion;
    header.file.header_size = sizeof(SetsHeader);
    header.file.body_offset = kPageSize;
    header.cache_uuid = cache_uuid;
    header.environment = environment;
    header.loader_path = front.strings.add(loader_path);
    header.preload = front.strings.add(preload);
    for (const ProgramOutcome &outcome : outcomes)
        front.programs.push_back(SetProgramRecord{
            front.strings.add(outcome.path), outcome.identity, outcome.key, 0, outcome.blob.size(),
            front.strings.add(outcome.rejection.reason), front.strings.add(outcome.rejection.detail)});
    header.programs = Extent{kPageSize, front.programs.size()};
    header.strings =
        Extent{kPageSize + front.programs.size() * sizeof(SetProgramRecord), front.strings.text().size()};
    front.end = header.strings.offset + header.strings.size;
    for (SetProgramRecord &program : front.programs) {
        if (program.blob_size == 0)
            continue;
        program.blob_offset = align_up(front.end, kPageSize);
        front.end = program.blob_offset + program.blob_size;
    }
    // The leaves that follow are records of 32 bytes; blobs are whole pages, strings are not.
    front.end = align_up(front.end, sizeof(Sha256));
    return front;
}

Done write_body(int fd, const std::string &path, const Front &front,
                const std::vector<ProgramOutcome> &outcomes) {
    const std::string &strings = front.strings.text();
    TRY(write_at(fd, front.header.programs.offset, front.programs.data(),
                 front.programs.size() * sizeof(SetProgramRecord), path));
    TRY(write_at(fd, front.header.strings.offset, strings.data(), strings.size(), path));
    for (size_t i = 0; i < outcomes.size(); i++)
        TRY(write_at(fd, front.programs[i].blob_offset, outcomes[i].blob.data(), outcomes[i].blob.size(),
                     path));
    if (ftruncate(fd, static_cast<off_t>(front.end)) != 0)
        return Failure::system(errno, path, "cannot be extended");
    return Success{};
}

// Hashes what was written, then writes tree and header: without them the file is refused.
Done seal(int fd, const std::string &path, const Front &front) {
    Silent progress; // a fraction of a second
    auto leaves = TRY(hash_body(fd, kPageSize, front.end, path, progress));
    std::vector<unsigned char> page(kPageSize);
    std::memcpy(page.data(), &front.header, sizeof front.header);
    seal_file_header(page.data(), 0, front.end, leaves);
    TRY(write_at(fd, front.end, leaves.data(), leaves.size() * sizeof(Sha256), path));
    return write_at(fd, 0, page.data(), page.size(), path);
}

} // namespace

Done write_sets_file(const std::string &path, const Uuid &cache_uuid, const Environment &environment,
                     const std::string &loader_path, std::vector<ProgramOutcome> outcomes,
                     const std::string &preload) {
    auto by_path = [](const ProgramOutcome &a, const ProgramOutcome &b) { return a.path < b.path; };
    auto same_path = [](const ProgramOutcome &a, const ProgramOutcome &b) { return a.path == b.path; };
    std::sort(outcomes.begin(), outcomes.end(), by_path);
    outcomes.erase(std::unique(outcomes.begin(), outcomes.end(), same_path), outcomes.end());
    TemporaryFile file = TRY(TemporaryFile::create(path));
    Front front = make_front(cache_uuid, environment, loader_path, preload, outcomes);
    TRY(write_body(file.fd(), path, front, outcomes));
    TRY(seal(file.fd(), path, front));
    return file.commit();
}

} // namespace sharedregion
