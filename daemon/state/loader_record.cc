// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/state/loader_record.h"

#include "daemon/files/other_root.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fcntl.h>

namespace sharedregion {

namespace {

// One line per file: five numbers, then the path up to the end of the line.
std::string to_line(const RecordedFile &file) {
    const FileIdentity &id = file.identity;
    char numbers[128];
    snprintf(numbers, sizeof numbers, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " ", id.dev,
             id.ino, id.size, id.mtime_ns, id.ctime_ns);
    return numbers + file.path + "\n";
}

// Takes one line off `text`.
bool take_line(std::string *text, RecordedFile *file) {
    size_t end = text->find('\n');
    if (end == std::string::npos)
        return false;
    FileIdentity &id = file->identity;
    int path = 0;
    if (sscanf(text->c_str(), "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %n", &id.dev,
               &id.ino, &id.size, &id.mtime_ns, &id.ctime_ns, &path) != 5 ||
        path == 0 || size_t(path) >= end)
        return false;
    file->path = text->substr(path, end - path);
    text->erase(0, end + 1);
    return true;
}

} // namespace

RecordedFile recorded_now(const std::string &path) {
    return RecordedFile{path, identity_of_path(path)};
}

std::optional<LoaderRecord> LoaderRecord::read(const StateDirectory &state) {
    Outcome<UniqueFd> fd = open_regular_inside(state.fd(), kLoaderRecordName, O_RDONLY | O_NOFOLLOW, "");
    char bytes[16384];
    ssize_t size = fd.ok() ? ::read(fd.value().get(), bytes, sizeof bytes) : 0;
    std::string text(bytes, size > 0 ? size : 0);
    LoaderRecord record;
    if (!take_line(&text, &record.genuine) || !take_line(&text, &record.stage1) ||
        !take_line(&text, &record.tail) || !take_line(&text, &record.result))
        return std::nullopt;
    return record;
}

Done LoaderRecord::write(const StateDirectory &state) const {
    std::string text = to_line(genuine) + to_line(stage1) + to_line(tail) + to_line(result);
    UniqueFd fd =
        TRY(open_regular_inside(state.fd(), kLoaderRecordName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW,
                                state.file(kLoaderRecordName), 0644));
    if (::write(fd.get(), text.data(), text.size()) != ssize_t(text.size()))
        return Failure::system(errno, state.file(kLoaderRecordName), "cannot write");
    return Success{};
}

} // namespace sharedregion
