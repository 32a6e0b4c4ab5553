// SPDX-License-Identifier: GPL-2.0-or-later
// `ld-dyld.so [[--fd FD] --argv0 ARGV0] PROGRAM ARGUMENT...`: what execve(2) would have done, done here, so
// that the program can start prebuilt without being executed by the kernel. The shim starts programs in this
// way; by a descriptor where it was asked to execute one, so that what is executed is that very file.
#pragma once

#include "libdyldshim/shared/tail.h"

namespace sharedregion {

// Does not return if the program starts prebuilt. Else all is as before, and start->reason tells why not;
// where the shim asked (--argv0), reports that and executes the program as it is, as if the shim were not
// there. Returns from that only if the kernel refuses: then the genuine ld.so runs it as a command.
void start_directly(PlainStart *start);

// The same where the kernel says AT_SECURE: the genuine ld.so's --argv0 does not get along with that, so what
// the shim asked for is executed as it is. Returns where the shim did not ask, or the kernel refuses.
void leave_secure(const PlainStart &start);

} // namespace sharedregion
