# SPDX-License-Identifier: GPL-2.0-or-later
# install and uninstall. Nothing is activated: `dyldctl build` makes the first generation (README.md).
##@ Installing (DESTDIR, PREFIX=/usr)
INSTALL := install
bindir = $(DESTDIR)$(PREFIX)/bin
libdir = $(DESTDIR)$(PREFIX)/lib/shared-region
mandir = $(DESTDIR)$(PREFIX)/share/man
completiondir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
tmpfilesdir = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
apidir = $(DESTDIR)$(PREFIX)/include/sharedregion

INSTALLED_COMMANDS := dyldctl shared-cache
INSTALLED_HELPERS := lib/libdyldshim.so bin/make-ld-dyld lib/empty lib/dyld-stage1.bin lib/dyld-tail.bin lib/dyld-stage2.bin
MAN_PAGES := dyldctl.1 shared-cache.1 shared_region.4 ld-dyld.so.8 libdyldshim.so.8 make-ld-dyld.8
INSTALLED_MAN_PAGES := $(foreach page,$(MAN_PAGES),man$(subst .,,$(suffix $(page)))/$(page))

.PHONY: install
install: all ## commands, helpers, man pages, completion, tmpfiles.d
	$(INSTALL) -d $(bindir) $(libdir) $(mandir)/man1 $(mandir)/man4 $(mandir)/man8 $(completiondir) $(tmpfilesdir) $(apidir)
	$(INSTALL) -m 755 $(addprefix $(O)/bin/,$(INSTALLED_COMMANDS)) $(bindir)
	$(INSTALL) -m 755 $(O)/bin/make-ld-dyld $(O)/lib/empty $(O)/lib/libdyldshim.so $(libdir)
	$(INSTALL) -m 644 include/sharedregion/shim.h $(apidir)
	$(INSTALL) -m 644 $(addprefix $(O)/lib/,dyld-stage1.bin dyld-tail.bin dyld-stage2.bin) $(libdir)
	$(INSTALL) -m 644 $(addprefix packaging/man/,$(filter %.1,$(MAN_PAGES))) $(mandir)/man1
	$(INSTALL) -m 644 $(addprefix packaging/man/,$(filter %.4,$(MAN_PAGES))) $(mandir)/man4
	$(INSTALL) -m 644 $(addprefix packaging/man/,$(filter %.8,$(MAN_PAGES))) $(mandir)/man8
	$(INSTALL) -m 644 packaging/completions/dyldctl $(completiondir)/dyldctl
	$(INSTALL) -m 644 packaging/shared-region.tmpfiles $(tmpfilesdir)/shared-region.conf

.PHONY: uninstall
uninstall: ## remove what install put there (state directories stay: dyldctl clean removes them)
	rm -f $(addprefix $(bindir)/,$(INSTALLED_COMMANDS))
	rm -f $(addprefix $(libdir)/,$(notdir $(INSTALLED_HELPERS)))
	rm -f $(addprefix $(mandir)/,$(INSTALLED_MAN_PAGES)) $(completiondir)/dyldctl $(tmpfilesdir)/shared-region.conf
	rm -f $(apidir)/shim.h
	-rmdir $(libdir) $(apidir)

# The kernel module as source: DKMS builds it for each kernel that is installed (`dkms install shared_region/VERSION`).
MODULE_VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' packaging/kmod/dkms.conf)
moduledir = $(DESTDIR)$(PREFIX)/src/shared_region-$(MODULE_VERSION)
udevdir = $(DESTDIR)$(PREFIX)/lib/udev/rules.d
headerdir = $(DESTDIR)$(PREFIX)/include/linux
moduledocdir = $(DESTDIR)$(PREFIX)/share/doc/shared_region

.PHONY: install-module
install-module: ## the kernel module's source for DKMS, its header, udev rule and an example for modprobe.d
	$(INSTALL) -d $(moduledir)/kmod $(moduledir)/include/uapi/linux $(udevdir) $(headerdir) $(moduledocdir)
	$(INSTALL) -m 644 kmod/* $(moduledir)/kmod
	$(INSTALL) -m 644 packaging/kmod/dkms.conf $(moduledir)
	$(INSTALL) -m 644 include/uapi/linux/shared_region.h $(moduledir)/include/uapi/linux
	$(INSTALL) -m 644 include/uapi/linux/shared_region.h $(headerdir)
	$(INSTALL) -m 644 packaging/kmod/60-shared-region.rules $(udevdir)
	$(INSTALL) -m 644 packaging/kmod/modprobe.conf $(moduledocdir)

.PHONY: uninstall-module
uninstall-module: ## remove what install-module put there (built modules: dkms remove, before)
	rm -rf $(moduledir) $(moduledocdir)
	rm -f $(headerdir)/shared_region.h $(udevdir)/60-shared-region.rules
