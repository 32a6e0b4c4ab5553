// SPDX-License-Identifier: GPL-2.0-or-later
// shared-cache: the command line of the builder. (People use dyldctl, which runs it.)
#include "builder/cli/commands.h"

#include "builder/support/private_mounts.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <openssl/crypto.h>

using namespace sharedregion;

namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done (build: at least one program was captured); 1 the build failed or a file is "
    "damaged:\nthe message names file and offset; 2 wrong command line; 3 every program was rejected "
    "(build: the\nfiles were written and tell why).";

void add_build(CLI::App *app, BuildArguments *arguments) {
    BuilderOptions &options = arguments->options;
    CLI::App *build = app->add_subcommand(
        "build", "Builds one generation: `shared_cache` and `sets` for the given programs");
    build->add_option("--output", options.output, "Directory of the generation; made if missing")->required();
    build
        ->add_option("--loader", options.loader_blob,
                     "Second stage of ld-dyld.so (dyld-stage2.bin), embedded into the cache")
        ->check(CLI::ExistingFile);
    build->add_option("--shim", options.shim,
                      "libdyldshim.so: capture each program with LD_PRELOAD=PATH as well, to `shim-sets`");
    build->add_option("--interpreter", options.interpreter, "The genuine ld.so")->capture_default_str();
    build->add_option("--jobs", options.jobs, "Threads; 0: one per CPU")->capture_default_str();
    build->add_option("--timeout", options.capture_timeout_ms, "Milliseconds for each run of a program")
        ->capture_default_str();
    build->add_flag("--json", arguments->json, "Print the result as JSON on standard output");
    build->add_flag("--progress", arguments->progress,
                    "Print lines `progress DONE TOTAL PHASE` on standard error");
    build->add_option("PROGRAM", options.programs, "Programs, or directories that hold programs")->required();
}

void add_dump(CLI::App *app, DumpArguments *arguments) {
    CLI::App *dump = app->add_subcommand("dump", "Prints the tables of a cache or of a file of sets");
    CLI::Option_group *file = dump->add_option_group("File", "one of");
    file->add_option("--cache", arguments->cache, "A file `shared_cache`");
    file->add_option("--sets", arguments->sets, "A file `sets`");
    file->require_option(1);
    dump->add_flag("--exports", arguments->exports, "With --cache: print the export index too");
    dump->add_flag("--json", arguments->json, "Print JSON");
}

void add_capture(CLI::App *app, CaptureArguments *arguments) {
    CLI::App *capture =
        app->add_subcommand("capture", "Captures one program and prints its words per class; writes nothing");
    capture->add_option("--interpreter", arguments->options.interpreter, "The genuine ld.so")
        ->capture_default_str();
    capture
        ->add_option("--timeout", arguments->options.capture_timeout_ms,
                     "Milliseconds for each run of the program")
        ->capture_default_str();
    capture->add_flag("--json", arguments->json, "Print JSON");
    capture->add_option("PROGRAM", arguments->options.programs, "The program")->required()->expected(1);
}

void add_set(CLI::App *app, SetArguments *arguments) {
    ProgramSetRequest &request = arguments->request;
    CLI::App *set =
        app->add_subcommand("set", "Captures one program against a cache that exists and writes its set");
    set->add_option("--cache", request.cache, "A file `shared_cache`")->required();
    set->add_option("--output", request.output, "File for the set, in the format of `sets`")->required();
    set->add_option("--interpreter", request.interpreter, "The genuine ld.so")->capture_default_str();
    set->add_option("--timeout", request.timeout_ms, "Milliseconds for each run of the program")
        ->capture_default_str();
    set->add_flag("--json", arguments->json, "Print the result as JSON on standard output");
    set->add_option("PROGRAM", request.program, "The program")->required();
}

// What lies outside of `root` is opened before that becomes the root directory.
Done enter_place_of_captures(const std::string &root, int root_fd, std::string *loader_blob) {
    if (!root.empty() && !loader_blob->empty()) {
        int blob = open(loader_blob->c_str(), O_RDONLY | O_CLOEXEC);
        if (blob < 0)
            return Failure::system(errno, *loader_blob, "cannot open");
        *loader_blob = "/proc/self/fd/" + std::to_string(blob);
    }
    return enter_private_mounts(root, root_fd);
}

int run(const CLI::App &app, const BuildArguments &build, const CaptureArguments &capture,
        const SetArguments &set) {
    if (app.got_subcommand("build"))
        return run_build(build);
    if (app.got_subcommand("capture"))
        return run_capture(capture);
    return run_set(set);
}

} // namespace

int main(int argc, char **argv) {
    CLI::App app("Builds and examines shared caches: libraries laid out and bound once for all programs.",
                 "shared-cache");
    app.footer(kFooter);
    app.require_subcommand(1);
    BuildArguments build;
    CaptureArguments capture;
    SetArguments set;
    DumpArguments dump;
    std::string root;
    int root_fd = -1;
    CLI::Option *root_option = app.add_option(
        "--root", root, "Root directory of the programs: all paths but --loader are meant inside of it");
    app.add_option("--root-fd", root_fd,
                   "Descriptor of that directory, which is open; --root is its name in messages then")
        ->needs(root_option);
    add_build(&app, &build);
    add_capture(&app, &capture);
    add_set(&app, &set);
    add_dump(&app, &dump);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? kExitSuccess : kExitUsage;
    }
    if (app.got_subcommand("dump"))
        return run_dump(dump);
    // A system's openssl.cnf could name modules; only what this program was linked with is to run.
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    Done entered = enter_place_of_captures(root, root_fd, &build.options.loader_blob);
    if (!entered.ok()) {
        fprintf(stderr, "shared-cache: %s\n", entered.error().message().c_str());
        return kExitFailure;
    }
    return run(app, build, capture, set);
}
