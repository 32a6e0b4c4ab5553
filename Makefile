# sharedregion: non-recursive build. Each folder lists its sources in sources.mk; objects and results
# go to out/. `make help` lists the targets; V=1 shows the commands; SANITIZE=address,undefined
# builds everything hosted with sanitizers into out-<names>/.
.DEFAULT_GOAL := all
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:

comma := ,
O := out$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-7s %s\n' '$(1)' '$(2)')

CC := gcc
CXX := g++
PREFIX ?= /usr
DESTDIR ?=

WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wundef
CPPFLAGS += -I. -Iinclude -D_GNU_SOURCE
CXXFLAGS_BASE := -std=c++20 -O2 -g $(WARNINGS) -fno-rtti
# Only command-line and JSON code may use libraries that throw: its sources are listed in
# THROWING_SOURCES; everything else is built without exceptions.
NO_THROW := -fno-exceptions
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer)

PROGRAMS :=
TESTS :=
EXTRA_ALL :=
THROWING_SOURCES :=

include builder/sources.mk
include libdyldshim/sources.mk
include daemon/sources.mk
include bench/sources.mk
include selftests/sources.mk
include packaging/sources.mk

object = $(patsubst %,$(O)/obj/%.o,$(basename $(1)))

# $(1): program, from $(1)_SOURCES, linked with $(1)_LIBS, to $(O)/bin
define program_template
$(O)/bin/$(1): $(call object,$($(1)_SOURCES))
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D) && $$(CXX) $$(SANITIZE_FLAGS) $$(LDFLAGS) -o $$@ $$^ $($(1)_LIBS)
ALL_SOURCES += $($(1)_SOURCES)
endef
$(foreach p,$(PROGRAMS) $(TESTS),$(eval $(call program_template,$(p))))

$(O)/obj/%.o: %.cc
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(CPPFLAGS) $(CXXFLAGS_BASE) $(if $(filter $<,$(THROWING_SOURCES)),,$(NO_THROW)) \
		$(SANITIZE_FLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

.PHONY: all
all: $(addprefix $(O)/bin/,$(PROGRAMS)) $(EXTRA_ALL)

.PHONY: tests
tests: $(addprefix $(O)/bin/,$(TESTS))

.PHONY: clean
clean:
	rm -rf out out-*

-include $(patsubst %.o,%.d,$(call object,$(sort $(ALL_SOURCES))))
