# SPDX-License-Identifier: GPL-2.0-or-later
# make lint: rules that a machine can check. Results of the slow one (clang-tidy) are kept per file in
# $(O)/lint and made again when the file or a header changed.
##@ Checking sources
LINT_SOURCES := $(shell git ls-files '*.cc' '*.h' '*.c' 2>/dev/null)
LINT_CXX := $(shell git ls-files 'builder/*.cc' 'daemon/*.cc' 'libdyldshim/*.cc' 'bench/*.cc' 2>/dev/null)
LINT_HEADERS := $(shell git ls-files '*.h' 2>/dev/null) .clang-tidy
LINT_SCRIPTS = $(shell git ls-files '*.sh' .ci/run selftests/run-all selftests/lib/sandbox selftests/programs/sweep-one packaging/completions \
	'selftests/qemu/*[a-z]' ':!selftests/qemu/*.config' ':!selftests/qemu/merge-tap' ':!selftests/qemu/*.mk' ':!selftests/qemu/*.[ch]' ':!selftests/qemu/*Kbuild' 2>/dev/null)

.PHONY: lint lint-light lint-format lint-scripts lint-tree
lint: lint-light lint-tidy lint-kernel ## all checks of sources: rules of the tree, format, clang-tidy, shellcheck, checkpatch, sparse
lint-light: lint-tree lint-format lint-scripts ## lint without clang-tidy, checkpatch and sparse

lint-tree:
	$(call say,LINT,include directions)
	$(Q)selftests/lint/include-directions $(LINT_SOURCES)
	$(call say,LINT,tree rules)
	$(Q)selftests/lint/tree-rules
	$(Q)selftests/lint/length-report $(LINT_SOURCES)

lint-format:
	$(call say,LINT,clang-format)
	$(Q)clang-format --dry-run -Werror $(filter-out $(KERNEL_STYLE),$(LINT_SOURCES))

lint-scripts:
	$(call say,LINT,shellcheck)
	$(Q)shellcheck -x $(LINT_SCRIPTS)

# What is written in the kernel's style: kmod/ is checked by checkpatch.pl too, from Debian's kernel source.
KERNEL_STYLE := kmod/% include/uapi/% selftests/kmod/% selftests/qemu/planted/%
LINT_KERNEL := $(filter kmod/% include/uapi/linux/% selftests/qemu/planted/%,$(LINT_SOURCES))
.PHONY: lint-kernel
lint-kernel:
	$(call say,LINT,checkpatch and sparse)
	$(Q)selftests/lint/kernel-style $(LINT_KERNEL)

TIDY_STAMPS := $(patsubst %.cc,$(O)/lint/%.tidy,$(LINT_CXX))
.PHONY: lint-tidy
lint-tidy: $(TIDY_STAMPS)
$(O)/lint/%.tidy: %.cc $(LINT_HEADERS)
	$(call say,TIDY,$<)
	$(Q)mkdir -p $(@D) && clang-tidy --quiet $< -- $(CPPFLAGS) -std=c++20 \
		$(if $(filter $<,$(THROWING_SOURCES)),,-fno-exceptions -fno-rtti) >$@.log 2>/dev/null || { cat $@.log; exit 1; }
	$(Q)touch $@
