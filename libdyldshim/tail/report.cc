// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/report.h"

#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {
namespace {

// All words one after the other: a table of pointers would need relocations.
constexpr char kReasonWords[] =
#define SHAREDREGION_X(name, word, text) word "\0"
    SHAREDREGION_JIT_REASONS(SHAREDREGION_X)
#undef SHAREDREGION_X
    ;

const char *reason_word(JitReason reason) {
    const char *word = kReasonWords;
    for (uint32_t i = 0; i < static_cast<uint32_t>(reason); i++)
        word += length_of(word) + 1;
    return word;
}

} // namespace

void report_jit(const PlainStart &start) {
    const Policy &policy = start.policy;
    if (policy.report == Report::Quiet && !policy.must)
        return;
    char line[512];
    TextBuffer text = {line, line + sizeof line - 1};
    append(&text, "dyld: jit ");
    append(&text, reason_word(start.reason));
    if (start.request.detail != nullptr) {
        append(&text, " ");
        append(&text, start.request.detail, start.reason == JitReason::EnvironmentSet ? '=' : '\0');
    }
    if (policy.must)
        append(&text, "; not started: DYLD_USE_CLOSURES=2");
    *text.at++ = '\n';
    sys_write(2, line, static_cast<uint64_t>(text.at - line));
    if (policy.must || policy.report == Report::Only)
        sys_exit(policy.report == Report::Only ? 1 : 126);
}

} // namespace sharedregion
