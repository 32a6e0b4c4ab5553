# Sources of selftests/unit/ (see the top Makefile for what the variables mean).

TESTS += patch_loader_test
patch_loader_test_SOURCES := selftests/unit/patch_loader_test.cc libdyldshim/patcher/patch_loader.cc \
	libdyldshim/patcher/append_tail.cc \
	libdyldshim/patcher/zero_slack.cc
patch_loader_test_LIBS := -lgtest -lgtest_main

# daemon/activation, daemon/state
TESTS += activation_test
activation_test_SOURCES := selftests/unit/activation_test.cc selftests/unit/generations_of_cpus_test.cc \
	selftests/unit/region_area_test.cc selftests/unit/writable_pieces_test.cc selftests/unit/synthetic_generation.cc \
	$(DAEMON_SOURCES)
activation_test_LIBS := -lgtest_main -lgtest -lcrypto -lpthread

TESTS += state_test
state_test_SOURCES := selftests/unit/state_test.cc daemon/state/state.cc daemon/user/user_directory.cc daemon/user/user_mark.cc daemon/files/directory.cc daemon/files/other_root.cc
state_test_LIBS := -lgtest_main -lgtest -lcrypto -lpthread

TESTS += machine_test
machine_test_SOURCES := selftests/unit/machine_test.cc
machine_test_LIBS := -lgtest_main -lgtest -lpthread

TESTS += user_set_test
user_set_test_SOURCES := selftests/unit/user_set_test.cc selftests/unit/synthetic_generation.cc $(DAEMON_SOURCES)
user_set_test_LIBS := -lgtest_main -lgtest -lcrypto -lpthread

# builder/capture
include selftests/unit/capture/capture.mk
CAPTURE_TEST_SOURCES := selftests/unit/capture_support.cc builder/support/file.cc $(CAPTURE_SOURCES)

TESTS += capture_test
capture_test_SOURCES := selftests/unit/capture_test.cc $(CAPTURE_TEST_SOURCES)
capture_test_LIBS := -lgtest_main -lgtest -lpthread

TESTS += classify_test
classify_test_SOURCES := selftests/unit/classify_test.cc selftests/unit/debug_hook_test.cc builder/support/file.cc $(CAPTURE_SOURCES)
classify_test_LIBS := -lgtest_main -lgtest -lpthread

TESTS += reject_test
reject_test_SOURCES := selftests/unit/reject_test.cc $(CAPTURE_TEST_SOURCES)
reject_test_LIBS := -lgtest_main -lgtest -lpthread

TESTS += sets_test
sets_test_SOURCES := selftests/unit/sets_test.cc selftests/unit/vdso_stubs_test.cc builder/support/hash_body.cc $(SETS_SOURCES) \
	$(CAPTURE_TEST_SOURCES)
sets_test_LIBS := -lgtest_main -lgtest -ltbb -lcrypto -lpthread
include selftests/unit/builder.mk


# daemon/dyldctl, bench
TESTS += programs_test
programs_test_SOURCES := selftests/unit/programs_test.cc selftests/unit/synthetic_generation.cc \
	daemon/dyldctl/programs.cc $(DAEMON_SOURCES)
programs_test_LIBS := -lgtest_main -lgtest -lcrypto -lpthread

TESTS += bench_test
bench_test_SOURCES := selftests/unit/bench_test.cc $(BENCH_SOURCES)
bench_test_LIBS := -lgtest_main -lgtest -lpthread

# daemon/system
TESTS += units_test
units_test_SOURCES := selftests/unit/units_test.cc $(DAEMON_SOURCES)
units_test_LIBS := -lgtest_main -lgtest -lcrypto -lpthread
