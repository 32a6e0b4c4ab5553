# Sources of builder/sets/ (see the top Makefile for what the variables mean).
SETS_SOURCES := \
	builder/sets/page_runs.cc \
	builder/sets/set_blob.cc \
	builder/sets/sets_file.cc \
	builder/sets/vdso_stubs.cc
