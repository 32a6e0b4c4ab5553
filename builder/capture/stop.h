// SPDX-License-Identifier: GPL-2.0-or-later
// The stop point: the return of _dl_start in ld.so's _start. Loading, relocation and TLS set-up are
// done there, and no constructor has run.
#pragma once

#include "sharedregion/result.h"
#include "sharedregion/view.h"

namespace sharedregion {

// Where the call at ld.so's entry returns to, as distance from the entry. glibc's
// sysdeps/x86_64/dl-machine.h, RTLD_START: `mov %rsp,%rdi; call _dl_start`, after an endbr64 where CET
// is built in. `code` holds the bytes at e_entry. Error: EINVAL where they are something else.
Result<uint64_t> find_stop_point(ByteView code);

} // namespace sharedregion
