# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzz targets (libFuzzer, address and undefined sanitizers), to out/fuzz. Each *_fuzz.cc names in
# NAME_FUZZ_SOURCES the further sources that it needs.
FUZZ_CXX := clang++ -std=c++20 -O1 -g -fno-exceptions -fno-rtti -fsanitize=fuzzer,address,undefined \
	-fno-sanitize=vptr -fno-sanitize-recover=undefined
FUZZ_TARGETS := $(basename $(notdir $(wildcard selftests/fuzz/*_fuzz.cc)))

define fuzz_template
out/fuzz/$(1): selftests/fuzz/$(1).cc $($(1)_SOURCES)
	$$(call say,FUZZ,$$@)
	$$(Q)mkdir -p $$(@D) && $$(FUZZ_CXX) $$(CPPFLAGS) -MMD -MF $$@.d -o $$@ $$(filter %.cc,$$^) $($(1)_LIBS)
EXTRA_TESTS += out/fuzz/$(1)
-include out/fuzz/$(1).d
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_template,$(t))))

# Writes small files to begin with (selftests/programs/fuzz.sh).
FUZZ_SEED_SOURCES := selftests/fuzz/make_seeds.cc selftests/unit/synthetic_generation.cc daemon/files/mapped_file.cc daemon/files/other_root.cc \
	daemon/user/user_set_writer.cc
out/fuzz/make_seeds: $(FUZZ_SEED_SOURCES)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(CPPFLAGS) $(CXXFLAGS_BASE) -MMD -MF $@.d -o $@ $(FUZZ_SEED_SOURCES) -lcrypto
EXTRA_TESTS += out/fuzz/make_seeds
-include out/fuzz/make_seeds.d
