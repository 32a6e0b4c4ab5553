# Sources of libdyldshim/ (see the top Makefile for what the variables mean).
#
# The stages of ld-dyld.so are freestanding and become flat blobs; shared/flat.ld asserts that they
# need no relocation, no writable data, and fit in their place.
PROGRAMS += make-ld-dyld
make-ld-dyld_SOURCES := libdyldshim/patcher/main.cc libdyldshim/patcher/patch_loader.cc \
	libdyldshim/patcher/append_tail.cc libdyldshim/patcher/zero_slack.cc

STAGE_CPPFLAGS := -I. -Iinclude
STAGE_CXXFLAGS := -std=c++20 -g $(WARNINGS) -fno-exceptions -fno-rtti -fPIE -fvisibility=hidden \
	-ffreestanding -fno-stack-protector -fcf-protection=none -mgeneral-regs-only -mno-red-zone \
	-fno-asynchronous-unwind-tables -fno-threadsafe-statics -fno-tree-loop-distribute-patterns \
	-ffunction-sections -fno-jump-tables -fno-ident
STAGE_LDFLAGS := -pie --no-dynamic-linker --no-undefined -z norelro -z noexecstack --gc-sections \
	--build-id=none --orphan-handling=error -T libdyldshim/shared/flat.ld

# From the policy to the second stage: for programs that the kernel mapped, and those that the tail did.
CACHE_START_SOURCES := $(addprefix libdyldshim/shared/,start_from_cache.cc region_file.cc program.cc cache_text.cc \
	kernel_region.cc same_file.cc memory.cc)

# What the slack of Debian 12's ld.so holds; make-ld-dyld checks the real one.
dyld-stage1_MAX := 3808
dyld-stage1_CXXFLAGS := -Oz
dyld-stage1_SOURCES := libdyldshim/stage1/entry.S libdyldshim/stage1/stage1.cc \
	libdyldshim/stage1/policy.cc $(CACHE_START_SOURCES)

# In a segment of its own; the limit is only there to notice growth.
dyld-tail_MAX := 32768
dyld-tail_CXXFLAGS := -Os
dyld-tail_SOURCES := libdyldshim/tail/entry.S libdyldshim/tail/tail.cc libdyldshim/tail/report.cc \
	libdyldshim/tail/genuine.cc libdyldshim/tail/own_set.cc libdyldshim/tail/background.cc \
	libdyldshim/tail/builder_process.cc libdyldshim/shared/user_set.cc libdyldshim/tail/map_elf.cc \
	libdyldshim/tail/map_program.cc libdyldshim/tail/direct.cc libdyldshim/tail/kernel_view.cc \
	$(CACHE_START_SOURCES)

dyld-stage2_MAX := 65536
dyld-stage2_CXXFLAGS := -O2
dyld-stage2_SOURCES := libdyldshim/stage2/entry.S libdyldshim/stage2/stage2.cc \
	libdyldshim/stage2/validity.cc libdyldshim/stage2/attach.cc libdyldshim/stage2/fixups.cc \
	libdyldshim/stage2/kernel_state.cc libdyldshim/stage2/map_set.cc libdyldshim/stage2/override.cc \
	libdyldshim/shared/user_set.cc libdyldshim/shared/memory.cc

# $(1): stage
define stage_template
$(1)_OBJECTS := $$(patsubst %,$$(O)/obj/$(1)/%.o,$$(basename $$($(1)_SOURCES)))

$$(O)/obj/$(1)/%.o: %.cc
	$$(call say,STAGE,$$<)
	$$(Q)mkdir -p $$(@D) && $$(CXX) $$(STAGE_CPPFLAGS) $$(STAGE_CXXFLAGS) $$($(1)_CXXFLAGS) -MMD -MP -c -o $$@ $$<
$$(O)/obj/$(1)/%.o: %.S
	$$(call say,STAGE,$$<)
	$$(Q)mkdir -p $$(@D) && $$(CXX) $$(STAGE_CPPFLAGS) -c -o $$@ $$<
$$(O)/obj/$(1).elf: $$($(1)_OBJECTS) libdyldshim/shared/flat.ld
	$$(call say,LD,$$@)
	$$(Q)ld $$(STAGE_LDFLAGS) --defsym=MAX_SIZE=$$($(1)_MAX) -Map=$$(@:.elf=.map) -o $$@ $$($(1)_OBJECTS)
$$(O)/lib/$(1).bin: $$(O)/obj/$(1).elf
	$$(call say,OBJCOPY,$$@)
	$$(Q)mkdir -p $$(@D) && objcopy -O binary -j .stage $$< $$@
EXTRA_ALL += $$(O)/lib/$(1).bin
-include $$($(1)_OBJECTS:.o=.d)
endef
$(foreach stage,dyld-stage1 dyld-stage2 dyld-tail,$(eval $(call stage_template,$(stage))))

# libdyldshim.so: loaded into every process of a tree, so few pages and few relocations count. No relro: the
# one page of data that it has would become two and cost an mprotect (docs/decisions). It has a memcpy() of its own:
# to bind libc's at the first call takes ld.so more stack than a child between clone() and exec may have.
PRELOAD := $(O)/lib/libdyldshim.so
PRELOAD_SOURCES := $(addprefix libdyldshim/preload/,exec.cc execute.cc launch_plan.cc set_lookup.cc program_file.cc tree.cc \
	own_program.cc next_function.cc spawn.cc shell.cc files.cc api.cc region_mark.cc) libdyldshim/shared/memory.cc
PRELOAD_OBJECTS := $(patsubst %.cc,$(O)/obj/preload/%.o,$(PRELOAD_SOURCES))
PRELOAD_CXXFLAGS := -std=c++20 -O2 -g $(WARNINGS) -fno-exceptions -fno-rtti -fPIC -fvisibility=hidden \
	-fno-threadsafe-statics -fno-stack-protector -fcf-protection=none -U_FORTIFY_SOURCE \
	-mgeneral-regs-only -fno-builtin-printf -fno-tree-loop-distribute-patterns -Wno-nonnull-compare
PRELOAD_LDFLAGS := -shared -nostdlib -Wl,-soname,libdyldshim.so -Wl,-z,lazy -Wl,-z,norelro -Wl,-z,noseparate-code \
	-Wl,--hash-style=gnu -Wl,--build-id -Wl,-Bsymbolic -Wl,--no-undefined -Wl,--gc-sections \
	-Wl,--version-script=libdyldshim/preload/shim.map

$(O)/obj/preload/%.o: %.cc
	$(call say,SHIM,$<)
	$(Q)mkdir -p $(@D) && $(CXX) -I. -Iinclude -D_GNU_SOURCE $(PRELOAD_CXXFLAGS) -MMD -MP -c -o $@ $<
$(PRELOAD): $(PRELOAD_OBJECTS) libdyldshim/preload/shim.map
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(PRELOAD_LDFLAGS) -o $@ $(PRELOAD_OBJECTS) -lc
EXTRA_ALL += $(PRELOAD)
-include $(PRELOAD_OBJECTS:.o=.d)
