# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel module and its tests in QEMU guests (docs/testing.md). KERNEL is 6.1, 6.12, lockdep or kasan.
KERNEL ?= 6.1

# Test programs of selftests/kmod: X_test.c, each linked with what KMOD_TEST_COMMON names. Static: guests are small.
KMOD_TESTS := $(patsubst selftests/kmod/%.c,$(O)/kmod/tests/%,$(wildcard selftests/kmod/*_test.c))
KMOD_TEST_COMMON :=
KMOD_TEST_HEADERS := $(wildcard selftests/kmod/*.h include/uapi/linux/*.h)
KMOD_TEST_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -Iinclude/uapi -Iselftests/kmod
-include selftests/kmod/sources.mk

# kselftest_harness.h comes from Debian's kernel source, the first time over the network.
KSELFTEST := $(or $(KERNELS),out/kernels)/source-tools
$(KSELFTEST)/complete:
	$(call say,FETCH,$(@D))
	$(Q)selftests/qemu/fetch-source tools >/dev/null

$(O)/kmod/tests/%: selftests/kmod/%.c $(KMOD_TEST_COMMON) $(KMOD_TEST_HEADERS) | $(KSELFTEST)/complete
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(KMOD_TEST_CFLAGS) -isystem $(KSELFTEST)/tools/testing/selftests \
		-static -pthread -o $@ $< $(filter %.c,$(KMOD_TEST_COMMON)) $(KMOD_TEST_LIBS)

.PHONY: kmod kmod-tests guest-files check-qemu check-system
##@ Kernel module
kmod: ## the module for KERNEL=6.1|6.12|lockdep|kasan, to out/kmod/KERNEL
	$(Q)selftests/qemu/build-module $(KERNEL) $(if $(wildcard Kbuild),.,kmod)

kmod-tests: $(KMOD_TESTS) # and no program whose source is gone
	$(Q)rm -f $(filter-out $(KMOD_TESTS),$(wildcard $(O)/kmod/tests/*))

# Tests fetch what they miss: who cannot fetch it is told by them.
guest-files: # of `make check`, the first time over the network
	$(call say,FETCH,kernels and a root file system)
	$(Q)for kernel in 6.1 6.12; do selftests/qemu/get-kernel $$kernel >/dev/null || :; done
	$(Q)((EUID != 0)) || selftests/qemu/get-rootfs >/dev/null || :

check-qemu: ## the module's tests in a guest with KERNEL=6.1|6.12|lockdep|kasan
	$(Q)BUILD_KERNELS=1 selftests/run-all -o out/test-logs-$(KERNEL) -t 7200 selftests/qemu/kernel-$(KERNEL).sh

check-system: ## guests with a Debian root file system and systemd (docs/testing.md, "Whole systems"): more than `make check`
	$(Q)selftests/run-all -o out/test-logs-system selftests/ctl/cpus_guest.sh selftests/system/debian-6.1.sh selftests/system/debian-6.12.sh

FAST_SCRIPT_TESTS += selftests/qemu/streams.sh
# `make check` leaves out the debug kernels, whose build takes too long (docs/testing.md, "Debug kernels").
SCRIPT_TESTS += $(addprefix selftests/qemu/,streams.sh packaging.sh) selftests/lint/kernel_style_test.sh
SYSTEM_TESTS += $(addprefix selftests/system/,debian-6.1.sh debian-6.12-programs.sh)
GUEST_TESTS += $(addprefix selftests/qemu/,runner.sh kernel-6.1.sh kernel-6.12.sh)
