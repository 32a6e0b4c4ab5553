# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of the builder (those of captures and sets: sources.mk).
include selftests/unit/binder/binder.mk

TESTS += elf_reader_test
elf_reader_test_SOURCES := selftests/unit/elf_reader_test.cc $(BUILDER_SOURCES)
elf_reader_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += binder_test
binder_test_SOURCES := selftests/unit/binder_test.cc selftests/unit/loaded_words.cc \
	selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
binder_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += layout_test
layout_test_SOURCES := selftests/unit/layout_test.cc selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
layout_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += cache_file_test
cache_file_test_SOURCES := selftests/unit/cache_file_test.cc selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
cache_file_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += inputs_test
inputs_test_SOURCES := selftests/unit/inputs_test.cc selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
inputs_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += adopt_test
adopt_test_SOURCES := selftests/unit/adopt_test.cc selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
adopt_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)

TESTS += build_test
build_test_SOURCES := selftests/unit/build_test.cc selftests/unit/model_of_programs.cc $(BUILDER_SOURCES)
build_test_LIBS := -lgtest -lgtest_main $(BUILDER_LIBS)
