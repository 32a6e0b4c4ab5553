# Sources of selftests/ (see the top Makefile for what the variables mean).
include selftests/unit/sources.mk
include selftests/fixtures/fixtures.mk
include selftests/fuzz/fuzz.mk
include selftests/qemu/qemu.mk

SCRIPT_TESTS += selftests/lint/lint_test.sh
FAST_SCRIPT_TESTS += selftests/lint/lint_test.sh

SCRIPT_TESTS += $(addprefix selftests/programs/,fixtures.sh environment.sh sanitizers.sh privileges.sh \
	debuggers.sh invalidation.sh upgrades.sh commands.sh corruption.sh interrupted.sh sweep.sh fuzz.sh soak.sh install.sh workloads.sh)

SCRIPT_TESTS += $(addprefix selftests/loader/,stages.sh fallback.sh upgrade.sh)
FAST_SCRIPT_TESTS += $(addprefix selftests/loader/,stages.sh fallback.sh upgrade.sh)

SCRIPT_TESTS += $(addprefix selftests/shim/,calls.sh plainly.sh trees.sh self.sh)

SCRIPT_TESTS += $(addprefix selftests/ctl/,switch.sh reports.sh users.sh own_sets.sh own_sets_hostile.sh closures.sh places.sh chroot.sh root.sh bits32.sh)
SYSTEM_TESTS += selftests/ctl/cpus_guest.sh
GUEST_TESTS += $(addprefix selftests/ctl/,closures_guest.sh own_sets_guest.sh root_guest.sh shim_guest.sh states_guest.sh team_guest.sh)
