// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/user_set_builder.h"

#include "daemon/activation/this_machine.h"
#include "daemon/activation/writable_pieces.h"
#include "daemon/dyldctl/launch.h"
#include "daemon/dyldctl/programs.h"
#include "daemon/files/child.h"
#include "daemon/files/in_file.h"
#include "daemon/files/package.h"
#include "daemon/user/user_mark.h"
#include "daemon/user/user_set_writer.h"
#include "sharedregion/hash_tree.h"
#include "sharedregion/secure_start.h"
#include "sharedregion/state_names.h"
#include "sharedregion/user_set_check.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/wait.h>

namespace sharedregion {

namespace {

constexpr int kBuilderRejected = 3; // shared-cache(1): kExitRejected

using Kind = UserSetName::Kind;

// Whether a name in LD_PRELOAD is the state's own shim, which interposes nothing that sets know. Another
// library of that name is anybody's; and a name without a slash ld.so would search elsewhere.
bool is_own_shim(const std::string &name, const std::string &state) {
    const std::string shim = state + "/" + kShimName;
    const FileIdentity identity = identity_of_path(name);
    return name == shim ||
           (name.find('/') != name.npos && identity.ino != 0 && identity == identity_of_path(shim));
}

bool interposes_nothing(const std::string &preload, const std::string &state) {
    for (size_t begin = 0, end; begin <= preload.size(); begin = end + 1) { // as ld.so splits it
        end = std::min(preload.find_first_of(": ", begin), preload.size());
        const std::string name = preload.substr(begin, end - begin);
        if (!name.empty() && !is_own_shim(name, state))
            return false;
    }
    return true;
}

// As read_policy() of ld-dyld.so decides it; what only switches prebuilt starts off is for the start to say.
std::optional<Stale> refuse_variable(const std::string &name, const std::string &value,
                                     const std::string &state) {
    static const char *const kKnown[] = {"DYLD_USE_CLOSURES", "DYLD_PRINT_LOADERS", kStateVariable};
    if ((name == "LD_PRELOAD" || name == "LD_AUDIT") && !value.empty())
        return name == "LD_PRELOAD" && interposes_nothing(value, state)
                   ? std::nullopt
                   : std::optional(Stale{"interposed", value});
    const bool changes_loading = name.starts_with("LD_") || name.starts_with("DYLD_") ||
                                 name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES";
    const bool known =
        std::any_of(std::begin(kKnown), std::end(kKnown), [&](const char *own) { return name == own; }) ||
        (name == "DYLD_SHARED_REGION" && (value == "use" || value == "private" || value == "avoid"));
    return changes_loading && !known ? std::optional(Stale{"environment", name}) : std::nullopt;
}

std::string file_text(const std::string &path) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    char text[1024];
    ssize_t size = fd.valid() ? read(fd.get(), text, sizeof text) : 0;
    return std::string(text, size > 0 ? static_cast<size_t>(size) : 0);
}

// What differs between the activation's environment and this machine's, ld.so itself aside.
std::optional<Stale> stale_environment(const Environment &built, FileCheck *files) {
    if (std::optional<Stale> machine = machine_changed(built))
        return machine;
    if (!(files->identity("/etc/ld.so.cache") == built.loader_cache))
        return Stale{"ld-cache-changed", "/etc/ld.so.cache"};
    if (!(files->identity("/etc/ld.so.preload") == built.loader_preload))
        return Stale{"preload-file", "/etc/ld.so.preload"};
    return std::nullopt;
}

bool is_success(const std::string &word) {
    return word == "saved" || word == "up-to-date";
}

std::string name_of(uint64_t key, const std::string &path, const RegionHeader &region, Kind kind) {
    return UserSetName(key, hash_path(path.data(), path.size()), region.uuid, kind).text;
}

} // namespace

struct UserSetBuilder::Subject {
    std::string path;        // canonical
    std::string interpreter; // canonical
    FileIdentity identity;
    uint64_t key;
    bool own; // the caller's file, who is not root
    std::string name(const RegionHeader &region, Kind kind) const { return name_of(key, path, region, kind); }
};

// What holds for every program of this caller.
std::optional<Stale> UserSetBuilder::refuse_caller() const {
    for (char **entry = environ; *entry != nullptr; entry++) {
        const std::string variable = *entry;
        const size_t end = std::min(variable.find('='), variable.size());
        const std::string value = end < variable.size() ? variable.substr(end + 1) : std::string();
        if (std::optional<Stale> refused = refuse_variable(variable.substr(0, end), value, options_.state))
            return refused;
    }
    struct stat st;
    if (stat("/etc/ld.so.preload", &st) == 0 && st.st_size != 0)
        return Stale{"interposed", "/etc/ld.so.preload"};
    return std::nullopt;
}

std::optional<Stale> UserSetBuilder::open_region() {
    if (region_)
        return std::nullopt;
    Outcome<std::optional<ActiveRegion>> region = ActiveRegion::open(options_.state);
    if (!region.ok())
        return Stale{"format", region.error().message()};
    if (!region.value())
        return Stale{"no-cache", options_.state};
    const std::string cache = region.value()->cache_path();
    if (!(region.value()->header().cache == identity_of_path(cache)))
        return Stale{"cache-file", cache};
    if (std::optional<Stale> stale = stale_environment(region.value()->header().environment, &files_))
        return stale;
    region_.emplace(std::move(*region.value()));
    return std::nullopt;
}

// Captures start the program by the ld.so of the cache: that one must lie at its path.
std::optional<Stale> UserSetBuilder::check_loader(const Subject &subject) {
    const FileIdentity &wanted = region_->header().environment.loader;
    if (identity_of_path(subject.interpreter) == wanted)
        return std::nullopt;
    LaunchFiles files = {options_.state,
                         options_.state + "/" + kLoaderName,
                         options_.state + "/" + kAliasName,
                         subject.interpreter,
                         false,
                         false};
    Done entered = enter_genuine_namespace(files);
    if (!entered.ok())
        return Stale{"loader-changed", entered.error().message()};
    if (!(identity_of_path(subject.interpreter) == wanted))
        return Stale{"loader-changed", subject.interpreter};
    return std::nullopt;
}

// Whether there is something to build.
std::optional<Stale> UserSetBuilder::check_sets(const Subject &subject) {
    if (options_.instead && !subject.own)
        return Stale{"not-owner", geteuid() == 0 ? "root's programs start from the activation's sets"
                                                 : subject.path + " belongs to another user"};
    std::optional<SetView> set = region_->find_set(subject.key, subject.identity);
    if (!set || options_.instead)
        return std::nullopt;
    std::optional<Stale> stale = files_.stale(*set);
    if (!stale)
        return Stale{"in-cache", ""};
    // Starts do not look for an own set then, but where the program is the caller's.
    return subject.own ? std::nullopt : stale;
}

// Lets starts look for the caller's sets.
Done UserSetBuilder::mark(const Subject &subject) const {
    const Uuid &activation = region_->header().uuid;
    if (subject.own && region_->find_set(subject.key, subject.identity))
        TRY(make_user_mark(UserMark::Kind::Instead, activation));
    return make_user_mark(UserMark::Kind::Own, activation);
}

Outcome<Stale> UserSetBuilder::save(const UserDirectory &directory, const Subject &subject,
                                    const std::string &built) {
    MappedFile file = TRY(MappedFile::open(built));
    SetsView sets = TRY(in_file(SetsView::open(file.bytes()), built));
    TRY(in_file(verify_hash_tree(file.bytes(), 0), built));
    const SetProgramRecord *record = sets.find(subject.path.c_str());
    if (record == nullptr)
        return Failure::about(built, "does not tell about " + subject.path);
    if (!SetsView::captured(*record))
        return Stale{sets.string(record->reason), sets.string(record->detail)};
    const RegionHeader &region = region_->header();
    if (!(sets.header().cache_uuid == region.cache_uuid))
        return Stale{"cache-file", region_->cache_path()};
    if (std::memcmp(&sets.header().environment, &region.environment, sizeof region.environment) != 0)
        return Stale{"loader-changed", subject.interpreter};
    SetView set = TRY(in_file(sets.set(*record), built));
    TRY(in_file(set.check_words(limits_of(region)), built));
    std::vector<unsigned char> bytes =
        make_user_set(UserSetPlan{&region, &set, writable_pieces(set, {region.own_begin, region.own_end}),
                                  options_.state, read_boot_id()});
    if (bytes.size() > kLargestUserSet)
        return Stale{"too-large", std::to_string(bytes.size()) + " bytes"};
    TRY(directory.write(subject.name(region, Kind::Set), bytes.data(), bytes.size()));
    UserSetHeader header;
    std::memcpy(&header, bytes.data(), sizeof header);
    directory.prune(header);
    return Stale{"saved", ""};
}

Outcome<Stale> UserSetBuilder::build_and_write(const UserDirectory &directory, const Subject &subject) {
    const std::string temporary = subject.name(region_->header(), Kind::Set) + ".tmp-" + random_hex(16);
    Outcome<Stale> written = build_in(directory, subject, temporary);
    (void)directory.remove(temporary);
    (void)directory.remove(temporary + ".tmp"); // of a shared-cache that was killed
    return written;
}

Outcome<Stale> UserSetBuilder::build_in(const UserDirectory &directory, const Subject &subject,
                                        const std::string &temporary) {
    const std::string output = directory.file(temporary);
    const std::string builder = TRY(find_helper("shared-cache"));
    std::string last;
    ChildResult result = TRY(run_child({builder, "set", "--cache", region_->cache_path(), "--output", output,
                                        "--interpreter", subject.interpreter, subject.path},
                                       [&](const std::string &line) { last = line; }));
    const bool rejected = WIFEXITED(result.status) && WEXITSTATUS(result.status) == kBuilderRejected;
    if (result.status != 0 && !rejected)
        return Failure::about("shared-cache", "failed with " + status_text(result.status) +
                                                  (last.empty() ? "" : ": " + last));
    return save(directory, subject, output);
}

// What the program's file tells; a Stale: it is no program that could have a set.
Outcome<std::optional<Stale>> UserSetBuilder::read_subject(Subject *subject) {
    const MappedFile file = TRY(MappedFile::open(subject->path));
    const ProgramFile kind = TRY(classify_program(subject->path));
    struct stat st;
    if (stat(subject->path.c_str(), &st) != 0)
        return Failure::system(errno, subject->path, "cannot stat");
    if (starts_secure(subject->path, st))
        return std::optional(Stale{"secure", "set-user-ID, set-group-ID or file capabilities"});
    if (kind.kind != FileKind::Program)
        return std::optional(Stale{kind_text(kind.kind), "not a dynamic x86-64 program"});
    Outcome<std::string> interpreter = canonical_path(kind.interpreter);
    if (!interpreter.ok())
        return std::optional(Stale{"other-interpreter", kind.interpreter});
    const ElfView elf = TRY(in_file(ElfView::open(file.bytes()), subject->path));
    subject->interpreter = interpreter.value();
    subject->identity = identity_of(st);
    subject->key = program_key(elf.build_id(), hash_program_headers(elf.phdrs()));
    subject->own = geteuid() != 0 && st.st_uid == geteuid();
    return std::optional<Stale>();
}

Outcome<Stale> UserSetBuilder::build_or_find(const UserDirectory &directory, const Subject &subject) {
    const RegionHeader &region = region_->header();
    std::optional<UserSetFile> existing = directory.read(subject.name(region, Kind::Set));
    if (existing && !options_.again && !stale_user_set(*existing, &*region_, &files_))
        return Stale{"up-to-date", ""};
    std::optional<Stale> other_loader = check_loader(subject);
    return other_loader ? Outcome<Stale>(*other_loader) : build_and_write(directory, subject);
}

// The caller holds the program's lock, or ld-dyld.so does for it.
Outcome<Stale> UserSetBuilder::build_locked(const UserDirectory &directory, const Subject &subject) {
    const RegionHeader &region = region_->header();
    const auto build_and_mark = [&]() -> Outcome<Stale> {
        Stale built = TRY(build_or_find(directory, subject));
        if (is_success(built.reason))
            TRY(mark(subject));
        return built;
    };
    Outcome<Stale> built = build_and_mark();
    const Stale why = built.ok() ? built.value() : Stale{"failed", built.error().message()};
    const std::string text = why.reason + " " + why.detail;
    if (is_success(why.reason))
        (void)directory.remove(subject.name(region, Kind::Failed));
    else
        (void)directory.write(subject.name(region, Kind::Failed), text.data(), text.size());
    return built;
}

Outcome<UserSetResult> UserSetBuilder::build(const std::string &program) {
    const std::string found = TRY(find_in_path(program));
    Subject subject = {TRY(canonical_path(found)), "", {}, 0, false};
    UserSetResult result = {subject.path, "", "", ""};
    std::optional<Stale> refused = refuse_caller();
    if (!refused)
        refused = TRY(read_subject(&subject));
    if (!refused)
        refused = open_region();
    if (!refused)
        refused = check_sets(subject);
    if (!refused) {
        UserDirectory directory = TRY(UserDirectory::make());
        const std::string lock_name = subject.name(region_->header(), Kind::Lock);
        UniqueFd lock;
        if (!options_.in_background)
            lock = TRY(directory.lock(lock_name, true));
        Outcome<Stale> built = build_locked(directory, subject);
        (void)directory.remove(lock_name);
        refused = TRY(std::move(built));
        result.file = directory.file(subject.name(region_->header(), Kind::Set));
    }
    result.word = refused->reason;
    result.detail = refused->detail;
    if (!result.has_set())
        result.file.clear();
    return result;
}

std::optional<Stale> stale_user_set(const UserSetFile &file, const ActiveRegion *region, FileCheck *files) {
    if (!file.error.empty())
        return Stale{"format", file.error};
    if (region == nullptr || !(region->header().uuid == file.header.activation))
        return Stale{"no-cache", "made for an activation that is not in use"};
    if (!has_user_mark(UserMark::Kind::Own, file.header.activation))
        return Stale{"no-mark", UserMark(UserMark::Kind::Own, geteuid(), file.header.activation).text};
    if (std::optional<Stale> stale = stale_environment(region->header().environment, files))
        return stale;
    Outcome<MappedFile> mapped = MappedFile::open(file.path);
    if (!mapped.ok())
        return Stale{"format", mapped.error().message()};
    auto view = UserSetView::open(mapped.value().bytes(), nullptr);
    if (!view.ok())
        return Stale{"format", view.error().what};
    if (!(sha256(view.value().blob().data(), view.value().blob().size()) ==
          view.value().header().blob_sha256))
        return Stale{"format", "content does not match its SHA-256"};
    auto set = SetView::open(view.value().blob());
    return set.ok() ? files->stale(set.value()) : Stale{"format", set.error().what};
}

std::string recorded_failure(const UserDirectory &directory, const ActiveRegion &region,
                             const std::string &program) {
    Outcome<MappedFile> file = MappedFile::open(program);
    if (!file.ok())
        return "";
    auto elf = ElfView::open(file.value().bytes());
    if (!elf.ok())
        return "";
    const uint64_t key = program_key(elf.value().build_id(), hash_program_headers(elf.value().phdrs()));
    return file_text(directory.file(name_of(key, program, region.header(), Kind::Failed)));
}

} // namespace sharedregion
