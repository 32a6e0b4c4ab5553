// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The harness ends a test by alarm(). Debug kernels in an emulator are many times slower: programs are linked with
 * this alarm(), which knows from $KERNEL (selftests/qemu/run) where they are. A test that hangs still ends.
 */
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static unsigned int slowness(void)
{
	const char *kernel = getenv("KERNEL");

	if (!kernel)
		return 1;
	return !strcmp(kernel, "kasan") ? 10 : !strcmp(kernel, "lockdep") ? 4 : 1;
}

bool is_debug_kernel(void)
{
	return slowness() > 1;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = (time_t)seconds * slowness() }, old;

	setitimer(ITIMER_REAL, &timer, &old);
	return (unsigned int)old.it_value.tv_sec;
}
