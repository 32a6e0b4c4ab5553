# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of the kernel module are linked with (selftests/qemu/qemu.mk builds them).
KMOD_TEST_COMMON := selftests/kmod/lib/shared_region.c selftests/kmod/lib/fixture.c \
	selftests/kmod/lib/tiny_elf.c selftests/kmod/lib/module.c selftests/kmod/lib/witness.c selftests/kmod/lib/guest.c \
	selftests/kmod/lib/sha256.c \
	$(addprefix selftests/kmod/lib/vm_calls_,advice.c memory.c io.c)
KMOD_TEST_HEADERS += $(wildcard selftests/kmod/lib/*.h)
