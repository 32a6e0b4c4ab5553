// SPDX-License-Identifier: GPL-2.0-or-later
// Phase 1: what goes in (contract: phases.h).
#include "builder/phases/phases.h"

#include "builder/bind/sanitizer_layout.h"
#include "builder/capture/program_file.h"
#include "builder/phases/expand_programs.h"
#include "builder/phases/program_probe.h"
#include "builder/support/parallel.h"
#include "sharedregion/elf_view.h"
#include "sharedregion/secure_start.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace sharedregion {

namespace {

// A library that some program loads; becomes a CacheImage if it can.
struct InputLibrary {
    CacheImage image;
    std::optional<Rejection> unusable;
    bool used = false;
};

struct InputProgram {
    CacheProgram program;
    std::vector<ListedLibrary> listed;
    std::vector<uint32_t> libraries; // indices of InputLibrary, as listed
};

Done read_config(const BuilderOptions &options, CacheModel *model) {
    model->config.interpreter = TRY(canonical_path(options.interpreter));
    if (!options.loader_blob.empty()) {
        FileDescriptor blob = TRY(open_to_read(options.loader_blob));
        FileIdentity identity = TRY(identity_of_path(options.loader_blob));
        model->config.loader_blob = TRY(read_at(blob.get(), 0, identity.size, options.loader_blob));
    }
    if (!options.shim.empty())
        model->config.shim = TRY(canonical_path(options.shim));
    model->config.loader = TRY(identity_of_path(model->config.interpreter));
    FileDescriptor file = TRY(open_unchanged(model->config.interpreter, model->config.loader));
    Result<ElfImage> elf = read_elf_image(file.get());
    if (!elf.ok())
        return Failure::of(elf.error(), model->config.interpreter);
    return Success{};
}

// The same program with the shim preloaded. What starts with other rights than the caller's must not be
// executed through ld-dyld.so, which cannot give them, so it has none.
CacheProgram with_shim(CacheProgram program, const std::string &shim) {
    program.preload = shim;
    program.key = shim_key(program.key);
    if (!program.rejection && gives_rights(program.path))
        program.rejection = rejected(RejectReason::SetUserId, "not with the shim");
    return program;
}

// Each program, and with a shim each once more: sorted by path, those with the shim behind all others.
std::vector<InputProgram> probe_programs(const BuilderOptions &options, const CacheModel &model,
                                         Progress &progress) {
    std::vector<std::string> paths = expand_programs(options.programs);
    const size_t variants = options.shim.empty() ? 1 : 2;
    std::vector<InputProgram> programs(paths.size() * variants);
    ProgressCounter counter(progress, programs.size(), "inputs");
    parallel_each(programs.size(), [&](size_t i) {
        CacheProgram &program = programs[i].program;
        program = probe_program(paths[i % paths.size()], model.config.loader);
        if (i >= paths.size())
            program = with_shim(std::move(program), options.shim);
        if (!program.rejection)
            check_program_content(&program);
        if (!program.rejection) {
            auto listed = list_libraries(program, options.capture_timeout_ms);
            if (listed.ok())
                programs[i].listed = std::move(listed.value());
            else
                program.rejection = std::move(listed.error());
        }
        counter.advance();
    });
    return programs;
}

// Gives each file that a program lists one InputLibrary, whatever paths lead to it.
class LibraryCollector {
  public:
    void collect(std::vector<InputProgram> *programs) {
        for (InputProgram &input : *programs)
            for (ListedLibrary &listed : input.listed) {
                Outcome<uint32_t> library = find(listed.path);
                if (!library.ok()) {
                    input.program.rejection =
                        rejected(RejectReason::MissingLibrary, library.error().message());
                    break;
                }
                input.libraries.push_back(library.value());
            }
    }
    std::vector<InputLibrary> take() { return std::move(libraries_); }

  private:
    Outcome<uint32_t> find(const std::string &listed_path) {
        auto known = by_path_.find(listed_path);
        if (known != by_path_.end())
            return known->second;
        InputLibrary library;
        library.image.path = TRY(canonical_path(listed_path));
        library.image.identity = TRY(identity_of_path(library.image.path));
        auto file = std::make_pair(library.image.identity.dev, library.image.identity.ino);
        auto [entry, added] = by_file_.try_emplace(file, static_cast<uint32_t>(libraries_.size()));
        if (added)
            libraries_.push_back(std::move(library));
        by_path_.emplace(listed_path, entry->second);
        return entry->second;
    }

    std::vector<InputLibrary> libraries_;
    std::unordered_map<std::string, uint32_t> by_path_;
    std::map<std::pair<uint64_t, uint64_t>, uint32_t> by_file_;
};

Rejection library_rejection(const InputLibrary &library, RejectReason reason, const Error &error) {
    return rejected(reason, Failure::of(error, library.image.path).message());
}

void read_library(InputLibrary *library) {
    CacheImage &image = library->image;
    Outcome<FileDescriptor> file = open_unchanged(image.path, image.identity);
    if (!file.ok()) {
        library->unusable = rejected(RejectReason::MissingLibrary, file.error().message());
        return;
    }
    Result<ElfImage> elf = read_elf_image(file.value().get());
    if (!elf.ok()) {
        library->unusable = library_rejection(*library, RejectReason::MalformedElf, elf.error());
        return;
    }
    image.elf = std::move(elf.value());
    std::string_view runtime = sanitizer_with_fixed_layout(image.elf, file.value().get());
    if (!runtime.empty()) {
        library->unusable =
            rejected(RejectReason::SanitizerLayout, image.path + " has " + std::string(runtime));
        return;
    }
    Status cacheable = check_cacheable(image.elf);
    if (!cacheable.ok()) {
        bool text = (image.elf.flags & DF_TEXTREL) != 0;
        library->unusable = library_rejection(
            *library, text ? RejectReason::TextRelocations : RejectReason::UnsupportedLibrary,
            cacheable.error());
        return;
    }
    image.soname = image.elf.soname;
    if (image.soname.empty())
        image.soname = image.path.substr(image.path.rfind('/') + 1);
}

void reject_by_libraries(std::vector<InputProgram> *programs, std::vector<InputLibrary> *libraries) {
    for (InputProgram &input : *programs) {
        for (uint32_t index : input.libraries)
            if (!input.program.rejection && (*libraries)[index].unusable)
                input.program.rejection = (*libraries)[index].unusable;
        if (!input.program.rejection)
            for (uint32_t index : input.libraries)
                (*libraries)[index].used = true;
    }
}

// Which library of this program a DT_NEEDED entry means: the one that ld.so lists under that name, or
// that has it as soname.
std::optional<ImageIndex> resolve_needed(const InputProgram &input,
                                         const std::vector<InputLibrary> &libraries, std::string_view name) {
    for (size_t i = 0; i < input.libraries.size(); i++)
        if (input.listed[i].name == name || libraries[input.libraries[i]].image.elf.soname == name)
            return input.libraries[i];
    return std::nullopt;
}

// Fills `needed` of each used library from the first program that loads it.
void resolve_dependencies(const std::vector<InputProgram> &programs, std::vector<InputLibrary> *libraries) {
    std::vector<bool> done(libraries->size());
    for (const InputProgram &input : programs) {
        if (input.program.rejection)
            continue;
        for (uint32_t index : input.libraries) {
            CacheImage &image = (*libraries)[index].image;
            if (done[index])
                continue;
            done[index] = true;
            for (std::string_view name : image.elf.needed)
                if (std::optional<ImageIndex> found = resolve_needed(input, *libraries, name))
                    image.needed.push_back(*found);
        }
    }
}

// Moves programs and used libraries into the model, with the libraries' new numbers.
void publish(std::vector<InputProgram> *programs, std::vector<InputLibrary> *libraries, CacheModel *model) {
    std::vector<ImageIndex> number(libraries->size(), kNoImage);
    for (size_t i = 0; i < libraries->size(); i++)
        if ((*libraries)[i].used) {
            number[i] = static_cast<ImageIndex>(model->images.size());
            if ((*libraries)[i].image.identity == model->config.loader)
                model->loader = number[i];
            model->images.push_back(std::move((*libraries)[i].image));
        }
    for (CacheImage &image : model->images)
        for (ImageIndex &needed : image.needed)
            needed = number[needed];
    for (InputProgram &input : *programs) {
        if (!input.program.rejection)
            for (uint32_t index : input.libraries)
                input.program.images.push_back(number[index]);
        model->programs.push_back(std::move(input.program));
    }
}

} // namespace

Done calculate_inputs(const BuilderOptions &options, CacheModel *model, Progress &progress) {
    TRY(read_config(options, model));
    std::vector<InputProgram> programs = probe_programs(options, *model, progress);
    LibraryCollector collector;
    collector.collect(&programs);
    std::vector<InputLibrary> libraries = collector.take();
    parallel_each(libraries.size(), [&](size_t i) { read_library(&libraries[i]); });
    reject_by_libraries(&programs, &libraries);
    resolve_dependencies(programs, &libraries);
    publish(&programs, &libraries, model);
    return Success{};
}

} // namespace sharedregion
