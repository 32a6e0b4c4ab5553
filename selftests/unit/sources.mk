# Sources of selftests/unit/ (see the top Makefile for what the variables mean).

TESTS += patch_loader_test
patch_loader_test_SOURCES := selftests/unit/patch_loader_test.cc libdyldshim/patcher/patch_loader.cc \
	libdyldshim/patcher/zero_slack.cc
patch_loader_test_LIBS := -lgtest -lgtest_main
