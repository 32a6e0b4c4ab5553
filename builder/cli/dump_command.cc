// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache dump
#include "builder/cli/commands.h"

#include "builder/cli/dump.h"
#include "builder/support/mapped_file.h"
#include "sharedregion/cache_format.h"
#include "sharedregion/hash_tree.h"
#include "sharedregion/set_format.h"

#include <cstdio>

namespace sharedregion {

namespace {

using Json = nlohmann::ordered_json;

int fail(const Failure &failure) {
    fprintf(stderr, "shared-cache: %s\n", failure.message().c_str());
    return kExitFailure;
}

// Structure and every hash, so that what is printed is what was built.
Result<Json> read_checked(ByteView file, bool is_cache, bool with_exports) {
    Json json = is_cache ? TRY(cache_json(file, with_exports)) : TRY(sets_json(file));
    TRY(verify_hash_tree(file, is_cache ? kCacheHeaderOffset : 0));
    return json;
}

} // namespace

int run_dump(const DumpArguments &arguments) {
    bool is_cache = !arguments.cache.empty();
    const std::string &path = is_cache ? arguments.cache : arguments.sets;
    Outcome<MappedFile> file = MappedFile::open(path);
    if (!file.ok())
        return fail(file.error());
    Result<Json> json = read_checked(file.value().bytes(), is_cache, arguments.exports);
    if (!json.ok())
        return fail(Failure::of(json.error(), path));
    if (arguments.json)
        puts(to_text(json.value()).c_str());
    else
        print_text(json.value());
    return kExitSuccess;
}

} // namespace sharedregion
