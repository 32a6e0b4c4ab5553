# Sources of selftests/ (see the top Makefile for what the variables mean).
include selftests/unit/sources.mk

SCRIPT_TESTS += selftests/lint/lint_test.sh
FAST_SCRIPT_TESTS += selftests/lint/lint_test.sh
