# SPDX-License-Identifier: GPL-2.0-or-later
# Objects that the binder is tested with, to out/fixtures/binder: plain builds, whatever SANITIZE says.
BF := out/fixtures/binder
BINDER_DIR := selftests/unit/binder
BINDER_RPATH := -Wl,-rpath,'$$ORIGIN'
binder_shared = mkdir -p $(@D) && $(1) -D_GNU_SOURCE -O1 -g -shared -fPIC -Wl,-soname,$(@F) $(BINDER_RPATH) -o $@ \
	$(filter %.c %.cc,$^) -Wl,--no-as-needed $(filter %.so,$^)

BINDER_LIBRARIES := $(addprefix $(BF)/,libtypes.so libtypes_relr.so libtypes_sysv.so libversions.so libversion_user.so \
	libunversioned.so libscope.so libscope_rival.so libaligned.so libbss.so libtextrel.so)

$(BF)/libtypes.so: $(BINDER_DIR)/types.c $(BF)/tlsdesc.o
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) $(BF)/tlsdesc.o
$(BF)/libtypes_relr.so: $(BINDER_DIR)/types.c
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) -Wl,-z,pack-relative-relocs
$(BF)/libtypes_sysv.so: $(BINDER_DIR)/types.c $(BF)/tlsdesc.o
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) $(BF)/tlsdesc.o -Wl,--hash-style=sysv
$(BF)/tlsdesc.o: $(BINDER_DIR)/tlsdesc.c
	$(call say,FIXTURE,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -O1 -g -fPIC -mtls-dialect=gnu2 -c -o $@ $<
$(BF)/libversions.so: $(BINDER_DIR)/versions.c $(BINDER_DIR)/versions.map
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) -Wl,--version-script=$(BINDER_DIR)/versions.map
$(BF)/libversion_user.so: $(BINDER_DIR)/version_user.c $(BF)/libversions.so
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC))
# `answer` and `plain` are undefined in it; a library linked for libversions.so's sake makes them resolve.
$(BF)/libunversioned.so: $(BINDER_DIR)/unversioned.c $(BF)/libversions.so
	$(call say,FIXTURE,$@)
	$(Q)mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -O1 -g -shared -fPIC -nostdlib -Wl,-soname,$(@F) $(BINDER_RPATH) -o $@ $< \
		-Wl,--no-as-needed -Wl,--unresolved-symbols=ignore-all -L$(BF)/empty -l:libversions.so
$(BF)/libunversioned.so: $(BF)/empty/libversions.so
$(BF)/empty/libversions.so:
	$(Q)mkdir -p $(@D) && $(CC) -shared -nostdlib -Wl,-soname,libversions.so -o $@ -x c /dev/null
$(BF)/libscope.so: $(BINDER_DIR)/scope.cc $(BF)/libscope_rival.so
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CXX)) -Wl,--defsym=absolute_symbol=0x1234
$(BF)/libscope_rival.so: $(BINDER_DIR)/scope_rival.c
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) -Wl,-Bsymbolic

$(BF)/libaligned.so: $(BINDER_DIR)/scope_rival.c
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) -Wl,-z,max-page-size=0x200000
$(BF)/libbss.so: $(BINDER_DIR)/bss.c
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC))
$(BF)/libtextrel.so: $(BINDER_DIR)/textrel.c
	$(call say,FIXTURE,$@)
	$(Q)$(call binder_shared,$(CC)) -Wl,-z,notext -Wl,-w

# Programs that tell what ld.so made of their libraries.
binder_program = mkdir -p $(@D) && $(CC) -D_GNU_SOURCE -O1 -g -Wall -Wextra $(BINDER_RPATH) -o $@ $(filter %.c,$^) \
	-Wl,--no-as-needed $(filter %.so,$^)
BINDER_PROGRAMS := $(addprefix $(BF)/,dump_types dump_types_relr dump_versions dump_scope dump_layout dump_system \
	needs_textrel other_interpreter)
$(BF)/dump_types: $(BINDER_DIR)/dump_words.c $(BF)/libtypes.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/dump_types_relr: $(BINDER_DIR)/dump_words.c $(BF)/libtypes_relr.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/dump_versions: $(BINDER_DIR)/dump_words.c $(BF)/libversion_user.so $(BF)/libunversioned.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/dump_scope: $(BINDER_DIR)/dump_words.c $(BF)/libscope.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/dump_layout: $(BINDER_DIR)/dump_words.c $(BF)/libaligned.so $(BF)/libbss.so $(BF)/libscope.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/needs_textrel: $(BINDER_DIR)/dump_words.c $(BF)/libtextrel.so
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program)
$(BF)/other_interpreter: $(BINDER_DIR)/dump_words.c
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program) -Wl,--dynamic-linker=/lib64/ld-other.so.2
$(BF)/dump_system: $(BINDER_DIR)/dump_words.c
	$(call say,FIXTURE,$@)
	$(Q)$(binder_program) -lssl -lcrypto -lz -lstdc++

EXTRA_TESTS += $(BINDER_LIBRARIES) $(BINDER_PROGRAMS)
