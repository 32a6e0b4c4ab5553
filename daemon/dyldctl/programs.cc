// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/programs.h"

#include "daemon/files/directory.h"
#include "daemon/files/in_file.h"
#include "daemon/files/mapped_file.h"
#include "sharedregion/elf_view.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>

namespace sharedregion {

namespace {

// The kernel reads this much of a script's first line (BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h).
constexpr uint64_t kScriptLine = 256;

std::string script_interpreter(ByteView bytes) {
    uint64_t size = bytes.size() < kScriptLine ? bytes.size() : kScriptLine;
    std::string line(reinterpret_cast<const char *>(bytes.data()), size);
    line = line.substr(0, line.find('\n'));
    size_t begin = line.find_first_not_of(" \t", 2);
    if (begin == std::string::npos)
        return "";
    return line.substr(begin, line.find_first_of(" \t", begin) - begin);
}

ProgramFile classify_elf(const ElfView &elf) {
    if (const Elf64_Phdr *interp = elf.phdr(PT_INTERP)) {
        const char *path = elf.bytes().part(interp->p_offset, interp->p_filesz).string(0);
        return path == nullptr ? ProgramFile{} : ProgramFile{FileKind::Program, path};
    }
    bool is_library = elf.header().e_type == ET_DYN && elf.header().e_entry == 0;
    return ProgramFile{is_library ? FileKind::Library : FileKind::Static, ""};
}

bool is_executable_file(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) != 0;
}

bool is_directory(const std::string &path) {
    struct stat st;
    return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_symlink(const std::string &path) {
    struct stat st;
    return lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
}

// Files below `directory`; symlinks to directories are not followed, so that no loop can be walked.
Done walk(const std::string &directory, ProgramList *list) {
    UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return Failure::system(errno, directory, "cannot open directory");
    const std::string parent = directory + "/";
    for (const std::string &name : TRY(list_directory(fd.get(), directory))) {
        std::string path = parent + name;
        if (is_directory(path)) {
            if (!is_symlink(path) && !walk(path, list).ok())
                list->skipped[kind_text(FileKind::Unreadable)]++;
            continue;
        }
        if (!is_executable_file(path)) {
            list->skipped[kind_text(FileKind::Other)]++;
            continue;
        }
        Outcome<ProgramFile> file = classify_program(path);
        FileKind kind = file.ok() ? file.value().kind : FileKind::Unreadable;
        Outcome<std::string> canonical = canonical_path(path);
        if (kind == FileKind::Program && canonical.ok())
            list->programs.insert(canonical.value());
        else
            list->skipped[kind_text(kind)]++;
    }
    return Success{};
}

Done add_named(const std::string &argument, ProgramList *list) {
    std::string path = TRY(find_in_path(argument));
    ProgramFile file = TRY(classify_program(path));
    if (file.kind == FileKind::Script && !file.interpreter.empty()) {
        list->notes.push_back(path + ": a script: took its interpreter " + file.interpreter);
        path = file.interpreter;
        file = TRY(classify_program(path));
    }
    if (file.kind != FileKind::Program)
        return Failure::about(path, std::string(kind_text(file.kind)) + ": not a dynamic x86-64 program",
                              Failure::kNoOffset, ENOEXEC);
    list->programs.insert(TRY(canonical_path(path)));
    return Success{};
}

} // namespace

const char *kind_text(FileKind kind) {
    switch (kind) {
    case FileKind::Program:
        return "program";
    case FileKind::Static:
        return "static";
    case FileKind::Library:
        return "library";
    case FileKind::Foreign:
        return "foreign";
    case FileKind::Script:
        return "script";
    case FileKind::Other:
        return "other";
    case FileKind::Unreadable:
        return "unreadable";
    }
    return "other";
}

Outcome<ProgramFile> classify_program(const std::string &path) {
    MappedFile file = TRY(MappedFile::open(path));
    ByteView bytes = file.bytes();
    if (bytes.size() >= 2 && bytes.data()[0] == '#' && bytes.data()[1] == '!')
        return ProgramFile{FileKind::Script, script_interpreter(bytes)};
    if (bytes.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
        return ProgramFile{FileKind::Other, ""};
    const auto *header = bytes.at<Elf64_Ehdr>(0);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return ProgramFile{FileKind::Foreign, ""};
    ElfView elf = TRY(in_file(ElfView::open(bytes), path));
    return classify_elf(elf);
}

Outcome<std::string> find_in_path(const std::string &name) {
    if (name.find('/') == std::string::npos) {
        const char *variable = getenv("PATH");
        std::string path = variable == nullptr ? "/usr/bin:/bin" : variable;
        for (size_t begin = 0; begin <= path.size();) {
            size_t end = std::min(path.find(':', begin), path.size());
            std::string candidate = end == begin ? "." : path.substr(begin, end - begin);
            candidate += "/";
            candidate += name;
            if (is_executable_file(candidate))
                return candidate;
            begin = end + 1;
        }
    }
    if (is_executable_file(name))
        return name;
    if (name.empty())
        return Failure::about("''", "an empty name is no program", Failure::kNoOffset, ENOENT);
    if (access(name.c_str(), F_OK) == 0)
        return Failure::about(name, "not an executable file", Failure::kNoOffset, EACCES);
    if (errno == ENOENT || errno == ENOTDIR)
        return Failure::about(name, "not found", Failure::kNoOffset, ENOENT);
    return Failure::system(errno, name, "cannot look at it");
}

Outcome<ProgramList> find_programs(const std::vector<std::string> &arguments) {
    ProgramList list;
    for (const std::string &argument : arguments) {
        bool in_path = argument.find('/') == std::string::npos && find_in_path(argument).ok();
        if (!in_path && is_directory(argument))
            TRY(walk(argument, &list));
        else
            TRY(add_named(argument, &list));
    }
    return list;
}

Outcome<std::string> canonical_path(const std::string &path) {
    char resolved[PATH_MAX];
    if (realpath(path.c_str(), resolved) == nullptr)
        return Failure::system(errno, path, "cannot resolve");
    return std::string(resolved);
}

} // namespace sharedregion
