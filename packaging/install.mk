# SPDX-License-Identifier: GPL-2.0-or-later
# install and uninstall. Nothing is activated: `dyldctl build` makes the first generation (README.md).
##@ Installing (DESTDIR, PREFIX=/usr)
INSTALL := install
bindir = $(DESTDIR)$(PREFIX)/bin
libdir = $(DESTDIR)$(PREFIX)/lib/shared-region
mandir = $(DESTDIR)$(PREFIX)/share/man
completiondir = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
tmpfilesdir = $(DESTDIR)$(PREFIX)/lib/tmpfiles.d

INSTALLED_COMMANDS := dyldctl shared-cache
INSTALLED_HELPERS := bin/make-ld-dyld lib/empty lib/dyld-stage1.bin lib/dyld-stage2.bin
MAN_PAGES := dyldctl.1 shared-cache.1 shared_region.4 ld-dyld.so.8 make-ld-dyld.8
INSTALLED_MAN_PAGES := $(foreach page,$(MAN_PAGES),man$(subst .,,$(suffix $(page)))/$(page))

.PHONY: install
install: all ## commands, helpers, man pages, completion, tmpfiles.d
	$(INSTALL) -d $(bindir) $(libdir) $(mandir)/man1 $(mandir)/man4 $(mandir)/man8 $(completiondir) $(tmpfilesdir)
	$(INSTALL) -m 755 $(addprefix $(O)/bin/,$(INSTALLED_COMMANDS)) $(bindir)
	$(INSTALL) -m 755 $(O)/bin/make-ld-dyld $(O)/lib/empty $(libdir)
	$(INSTALL) -m 644 $(O)/lib/dyld-stage1.bin $(O)/lib/dyld-stage2.bin $(libdir)
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
	-rmdir $(libdir)
