# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of the kernel module are linked with (selftests/qemu/qemu.mk builds them).
KMOD_TEST_COMMON := selftests/kmod/lib/shared_region.c selftests/kmod/lib/fixture.c \
	$(addprefix selftests/kmod/lib/,tiny_elf.c module.c witness.c tenant.c guest.c sha256.c slow.c library.c) \
	$(addprefix selftests/kmod/lib/vm_calls_,advice.c memory.c io.c)
KMOD_TEST_HEADERS += $(wildcard selftests/kmod/lib/*.h)
