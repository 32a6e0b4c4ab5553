# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that capture is tested with, to out/fixtures/capture: plain builds, whatever SANITIZE says.
CF := out/fixtures/capture
CAPTURE_DIR := selftests/unit/capture
CAPTURE_CC = $(CC) -O1 -g -Wall -Wextra
CAPTURE_FIXTURES :=

# $(1): file below $(CF), $(2): source, $(3): flags, $(4): libraries of $(CF)
define capture_fixture_template
CAPTURE_FIXTURES += $(CF)/$(1)
$(CF)/$(1): $(CAPTURE_DIR)/$(2) $(addprefix $(CF)/,$(4))
	$$(call say,FIXTURE,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CAPTURE_CC) -o $$@ $$< $(addprefix $(CF)/,$(4)) $(3)
endef
capture_fixture = $(eval $(call capture_fixture_template,$(1),$(2),$(3),$(4)))

CAPTURE_SHARED := -shared -fPIC -Wl,-soname,libbeside.so
CAPTURE_ORIGIN := -Wl,-rpath,'$$$$ORIGIN'
$(call capture_fixture,libbeside.so,library.c,$(CAPTURE_SHARED))
$(call capture_fixture,link_only/libbeside.so,library.c,$(CAPTURE_SHARED) -DLINK_ONLY)
$(call capture_fixture,aligned/libbeside.so,library.c,$(CAPTURE_SHARED) -Wl$(comma)-z$(comma)max-page-size=0x200000)

$(call capture_fixture,plain,plain.c)
$(call capture_fixture,static,plain.c,-static)
$(call capture_fixture,fixed,plain.c,-no-pie)
$(call capture_fixture,large_bss,plain.c,-DLARGE_BSS -mcmodel=large)
$(call capture_fixture,no_build_id,plain.c,-Wl$(comma)--build-id=none)
$(call capture_fixture,exec_stack,plain.c,-Wl$(comma)-z$(comma)execstack)
$(call capture_fixture,text_relocations,textrel.S,-pie -Wl$(comma)-z$(comma)notext -Wl$(comma)-w)
$(call capture_fixture,origin,plain.c,-DNEEDS_LIBRARY $(CAPTURE_ORIGIN),libbeside.so)
$(call capture_fixture,unresolved,plain.c,-DUNRESOLVED -Wl$(comma)-z$(comma)lazy $(CAPTURE_ORIGIN),link_only/libbeside.so)
$(call capture_fixture,aligned/program,plain.c,-DNEEDS_LIBRARY $(CAPTURE_ORIGIN),aligned/libbeside.so)
$(call capture_fixture,copy_relocation,plain.c,-DNEEDS_LIBRARY -no-pie -fno-pic $(CAPTURE_ORIGIN),libbeside.so)
$(call capture_fixture,relative,plain.c,-DNEEDS_LIBRARY -Wl$(comma)-rpath$(comma)out/fixtures/capture,libbeside.so)
$(call capture_fixture,missing,plain.c,-DNEEDS_LIBRARY,libbeside.so)
# Finds its library in the second of two directories; the first one does not exist.
$(call capture_fixture,second_place,plain.c,-DNEEDS_LIBRARY '-Wl$(comma)-rpath$(comma)$$$$ORIGIN/none:$$$$ORIGIN',libbeside.so)

define resolver_template
$(call capture_fixture,resolver_$(1),resolver.c,-DACTION_$(2))
endef
resolver = $(eval $(call resolver_template,$(1),$(2)))
$(call resolver,directory,DIRECTORY)
$(call resolver,create,CREATE)
$(call resolver,old_create,OLD_CREATE)
$(call resolver,fork,FORK)
$(call resolver,signal,SIGNAL)
$(call resolver,exit,EXIT)
$(call resolver,spin,SPIN)
$(call resolver,cycles,CYCLES)
$(call resolver,random,RANDOM)
$(call resolver,third_run,THIRD_RUN)
$(call resolver,map,MAP)
$(call resolver,shared_map,SHARED_MAP)
$(call resolver,int80,INT80)
$(call resolver,stack_limit,STACK_LIMIT)

EXTRA_TESTS += $(CAPTURE_FIXTURES)
