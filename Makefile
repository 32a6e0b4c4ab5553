# SPDX-License-Identifier: GPL-2.0-or-later
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

# What the folders' sources.mk fill:
PROGRAMS :=         # commands, linked to $(O)/bin; X_SOURCES, X_LIBS
TESTS :=            # GoogleTest binaries, likewise
SCRIPT_TESTS :=     # TAP scripts; run by `make check` in this order
SYSTEM_TESTS :=     # likewise, after them: guests with a whole system
GUEST_TESTS :=      # likewise, in a lane beside all these: the other guests
FAST_SCRIPT_TESTS := # those among them that `make check-fast` runs too
EXTRA_ALL :=        # further results of `make all`
EXTRA_TESTS :=      # further results that the tests need (fixtures, fuzz targets)
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

##@ Building
.PHONY: all
all: $(addprefix $(O)/bin/,$(PROGRAMS)) $(EXTRA_ALL) ## commands and loader parts, to out/bin and out/lib

.PHONY: tests
tests: $(addprefix $(O)/bin/,$(TESTS)) $(EXTRA_TESTS) ## what the tests need, without running them

.PHONY: clean
clean: ## remove out/ and every out-*/, and what the state directories in there have in memory
	$(Q)if [[ -x out/bin/dyldctl ]]; then find out out-* -name ld-dyld.so.stamp -printf '%h\0' 2>/dev/null | \
		xargs -0 -r -I{} out/bin/dyldctl --state {} clean >/dev/null || true; fi
	rm -rf out out-*

##@ Trying and testing
.PHONY: deps
deps: ## install the Debian packages that building and testing need
	$(Q)packaging/install-deps.sh

# These build in parallel although nobody said -j: they are started by people and by CI as they are.
SUBMAKE := --no-print-directory -j$(shell nproc)

.PHONY: demo
demo: deps ## build a cache for real programs, start each both ways, print the table of ratios
	$(Q)$(MAKE) $(SUBMAKE) all out/fixtures/empty
	$(Q)bench/demo.sh

# Unit tests run a second time with sanitizers in check (built into their own directory).
SANITIZED := address,undefined
SANITIZED_OUT := out-$(subst $(comma),-,$(SANITIZED))
UNIT_TESTS = $(addprefix $(O)/bin/,$(TESTS))

.PHONY: check
check: deps ## everything: lint, unit tests (also sanitized), programs both ways, sweep, soak, fuzz, guests
	$(Q)$(MAKE) $(SUBMAKE) lint guest-files
	$(Q)$(MAKE) $(SUBMAKE) all tests kmod-tests
	$(Q)$(MAKE) $(SUBMAKE) SANITIZE=$(SANITIZED) unit-tests
	$(Q)selftests/run-all $(UNIT_TESTS) $(addprefix $(SANITIZED_OUT)/bin/,$(SANITIZED_TESTS)) \
		$(SCRIPT_TESTS) $(SYSTEM_TESTS) + $(GUEST_TESTS)

.PHONY: check-fast
check-fast: ## lint without clang-tidy, unit tests and the quick scripts: before every commit
	$(Q)$(MAKE) $(SUBMAKE) lint-light
	$(Q)$(MAKE) $(SUBMAKE) all tests
	$(Q)selftests/run-all -j 2 $(UNIT_TESTS) $(FAST_SCRIPT_TESTS)

# Tests that cannot work under a sanitizer (say why beside the entry) are taken out here.
SANITIZED_TESTS = $(filter-out $(UNSANITIZED_TESTS),$(TESTS))
.PHONY: unit-tests
unit-tests: $(addprefix $(O)/bin/,$(SANITIZED_TESTS))

include selftests/lint/lint.mk

include packaging/install.mk

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nVariables: V=1 shows commands, SANITIZE=address,undefined builds into a directory of its own\n'

-include $(patsubst %.o,%.d,$(call object,$(sort $(ALL_SOURCES))))
