#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# checkpatch.pl and sparse do run, and their findings fail.
# shellcheck source=selftests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1

folder=out/kernel-style-test
rm -rf "$folder"
mkdir -p "$folder"
echo 'obj-m := probe.o' >"$folder/Kbuild"
style() { SPARSE_FOLDERS=$folder selftests/lint/kernel-style "$folder/probe.c"; }
write() { # BODY
    printf '// SPDX-License-Identifier: GPL-2.0-only\n#include <linux/module.h>\n#include <linux/uaccess.h>\n\n%s\n\n%s\n%s\n' "$1" \
        'MODULE_DESCRIPTION("Probe of the style checks");' 'MODULE_LICENSE("GPL");' >"$folder/probe.c"
}

write $'static int __init probe_init(void)\n{\n\treturn 0;\n}\nmodule_init(probe_init);'
ok "a clean module passes" style
write $'static int __init probe_init(void)\n{\n  return 0;\n}\nmodule_init(probe_init);'
like "$(style 2>&1)" "LEADING_SPACE" "checkpatch: an indentation by spaces is found"
not_ok "and fails" style
write $'static int __init probe_init(void)\n{\n\treturn *(int __user *)16;\n}\nmodule_init(probe_init);'
like "$(style 2>&1)" "dereference of noderef expression" "sparse: a user pointer followed by the kernel is found"
not_ok "and fails" style
rm -rf "$folder" out/kmod/6.1-sparse
tap_done
