// SPDX-License-Identifier: GPL-2.0-or-later
// Why a program has no set: the stable words of Rejection::reason.
//
// Scripts may depend on them: a word is never renamed or used for something else. docs/capture.md
// tells each one to people. (Why a program that has a set is started by plain ld.so: jit_reason.h.)
#pragma once

#include <string>
#include <utility>

namespace sharedregion {

// clang-format off
#define SHAREDREGION_REJECT_REASONS(X)                                                                              \
    /* the program's file */                                                                                        \
    X(NotFound,             "not-found",              "the program's file cannot be opened")                        \
    X(NoPermission,         "no-permission",          "the caller may not read and execute the program")            \
    X(NotElf,               "not-elf",                "not an ELF file (a script, or data)")                        \
    X(MalformedElf,         "malformed-elf",          "headers of the program or a library are out of bounds")      \
    X(OtherMachine,         "other-machine",          "not a program for x86-64 Linux, 64 bit")                     \
    X(StaticProgram,        "static",                 "no PT_INTERP: there is no ld.so to speed up")                \
    X(OtherInterpreter,     "other-interpreter",      "PT_INTERP is another ld.so than the one of this build")      \
    X(SetUserId,            "setuid",                 "starts in secure mode (AT_SECURE): always by plain ld.so")     \
    X(ExecutableStack,      "exec-stack",             "program or library wants an executable stack")               \
    X(LargeAlignment,       "large-alignment",        "thread-local data is aligned to more than 2 MiB")              \
    X(TextRelocations,      "text-relocations",       "program or library writes to its text while relocating")     \
    X(SanitizerLayout,      "sanitizer-layout",       "ThreadSanitizer, MemorySanitizer, DataFlowSanitizer allow no mapping where the region lies") \
    /* what ld.so says or does */                                                                                   \
    X(MissingLibrary,       "missing-library",        "ld.so does not find a library or symbol version")            \
    X(UnresolvedSymbol,     "unresolved-symbol",      "with LD_BIND_NOW=1 ld.so finds no definition")               \
    X(RelativeLibraryPath,  "relative-library-path",  "a library is searched relative to the working directory")    \
    X(UnplannedLibrary,     "unplanned-library",      "ld.so opens a library that the cache does not hold")         \
    X(UnsupportedLibrary,   "unsupported-library",    "a library that the cache cannot hold")                       \
    X(LibraryChanged,       "library-changed",        "a library is not the file that the cache was made from")     \
    X(UnexpectedSystemCall, "unexpected-system-call", "a system call before the first constructor that no set can redo") \
    X(UnexpectedMapping,    "unexpected-mapping",     "memory is mapped at the stop point that no set describes")   \
    X(HeapFull,             "heap-full",              "ld.so allocates more than the loader heap area holds")       \
    X(StopPoint,            "stop-point",             "the return of _dl_start was not found or not reached")       \
    X(Died,                 "died",                   "the program ended before its first constructor")             \
    X(Timeout,              "timeout",                "the program took too long to load")                          \
    /* the machine */                                                                                               \
    X(NoTracing,            "no-tracing",             "ptrace(2), seccomp(2) or a look into the process is not allowed") \
    X(NoVariation,          "no-variation",           "runs get equal addresses (no ASLR), so words cannot be told apart") \
    /* what the captures say */                                                                                     \
    X(LayoutVaries,         "layout-varies",          "two runs load other libraries or use other sizes")           \
    X(UnclassifiedWord,     "unclassified-word",      "a word differs between runs and belongs to no class")        \
    X(UnpredictableWord,    "unpredictable-word",     "the verifying run holds another word than predicted")
// clang-format on

enum class RejectReason : unsigned {
#define SHAREDREGION_X(name, word, text) name,
    SHAREDREGION_REJECT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
};

// The stable word, and its sentence for people.
inline const char *reject_word(RejectReason reason) {
    static constexpr const char *kWords[] = {
#define SHAREDREGION_X(name, word, text) word,
        SHAREDREGION_REJECT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
    };
    return kWords[static_cast<unsigned>(reason)];
}

// The sentence for a word; nullptr where the word is none of ours.
inline const char *explain_reject_word(const std::string &word) {
#define SHAREDREGION_X(name, reason_word, text)                                                              \
    if (word == reason_word)                                                                                 \
        return text;
    SHAREDREGION_REJECT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
    return nullptr;
}

} // namespace sharedregion
