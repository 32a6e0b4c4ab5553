# Sources of builder/ (see the top Makefile for what the variables mean).
include builder/capture/sources.mk
include builder/sets/sources.mk

BUILDER_SOURCES := $(CAPTURE_SOURCES) $(SETS_SOURCES) \
	builder/bind/binder.cc \
	builder/bind/check_cacheable.cc \
	builder/bind/resolver.cc \
	builder/bind/sanitizer_layout.cc \
	builder/bind/symbol_index.cc \
	builder/bind/tls_layout.cc \
	builder/build.cc \
	builder/elf/elf_dynamic.cc \
	builder/elf/elf_file.cc \
	builder/elf/elf_reader.cc \
	builder/elf/elf_symbols.cc \
	builder/model/cache_model.cc \
	builder/model/string_table.cc \
	builder/phases/adopt_captured_pages.cc \
	builder/phases/build_sets.cc \
	builder/phases/calculate_inputs.cc \
	builder/phases/capture_programs.cc \
	builder/phases/create_sub_caches.cc \
	builder/phases/emit_early_chunks.cc \
	builder/phases/emit_late_chunks.cc \
	builder/phases/estimate_optimizations.cc \
	builder/phases/expand_programs.cc \
	builder/phases/finalize_cache.cc \
	builder/phases/library_list.cc \
	builder/phases/program_probe.cc \
	builder/phases/run_image_passes.cc \
	builder/phases/share_vdso_pointers.cc \
	builder/phases/slot_layout.cc \
	builder/phases/symbol_writer.cc \
	builder/single/existing_cache.cc \
	builder/single/program_set.cc \
	builder/support/file.cc \
	builder/support/hash_body.cc \
	builder/support/mapped_file.cc \
	builder/support/private_mounts.cc \
	builder/support/run_command.cc
BUILDER_LIBS := -lelf -ltbb -lcrypto -lpthread

PROGRAMS += shared-cache
shared-cache_SOURCES := \
	builder/cli/build_command.cc \
	builder/cli/capture_command.cc \
	builder/cli/dump_cache.cc \
	builder/cli/dump_command.cc \
	builder/cli/dump_sets.cc \
	builder/cli/main.cc \
	builder/cli/no_dlopen.cc \
	builder/cli/print_text.cc \
	builder/cli/set_command.cc \
	$(BUILDER_SOURCES)
shared-cache_LIBS := $(BUILDER_LIBS)
# CLI11 and nlohmann/json throw.
THROWING_SOURCES += $(filter builder/cli/%,$(shared-cache_SOURCES))

elf_reader_fuzz_SOURCES := $(wildcard builder/elf/*.cc) $(wildcard builder/bind/*.cc) \
	builder/model/cache_model.cc builder/model/string_table.cc builder/support/file.cc
elf_reader_fuzz_LIBS := -lelf
