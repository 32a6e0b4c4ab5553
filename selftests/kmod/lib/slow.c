// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The harness ends a test by alarm(). Debug kernels in an emulator are many times slower, and the machine may have other
 * tests to run beside a guest: programs are linked with this alarm(), which knows from $KERNEL (selftests/qemu/run) where
 * they are. A test that hangs still ends.
 */
#include "guest.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static bool runs_on(const char *name)
{
	const char *kernel = getenv("KERNEL");

	return kernel && !strcmp(kernel, name);
}

bool is_debug_kernel(void)
{
	return runs_on("kasan") || runs_on("lockdep");
}

static unsigned int slowness(void)
{
	return runs_on("kasan") ? 10 : runs_on("lockdep") ? 4 : 2;
}

unsigned int alarm(unsigned int seconds)
{
	struct itimerval timer = { .it_value.tv_sec = (time_t)seconds * slowness() }, old;

	setitimer(ITIMER_REAL, &timer, &old);
	return (unsigned int)old.it_value.tv_sec;
}
