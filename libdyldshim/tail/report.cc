// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/tail/report.h"

#include "libdyldshim/shared/reason_word.h"
#include "libdyldshim/shared/strings.h"
#include "libdyldshim/shared/syscalls.h"

namespace sharedregion {
void report_jit(const PlainStart &start) {
    const Policy &policy = start.policy;
    if (policy.report == Report::Quiet && !policy.must)
        return;
    char line[512];
    TextBuffer text = {line, line + sizeof line - 1};
    append(&text, "dyld: jit ");
    append(&text, reason_word(static_cast<uint32_t>(start.reason)));
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
