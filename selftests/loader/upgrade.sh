#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The machine's ld.so is replaced after ld-dyld.so was made: starts go on by the newer one.
set -u
. selftests/loader/namespace.sh

# A newer ld.so: other bytes, same code. (Bytes behind the section headers are no part of any segment.)
newer_copy() { # FILE
    cp "$GENUINE" "$1"
    echo newer >>"$1"
}

# The files mapped by a program started in STATE's namespace that are named like an ld.so.
maps_in() { # STATE
    in_namespace "$1" cat /proc/self/maps 2>&1 | awk '{print $6}' | grep -E '/(ld-|genuine|newer)[^/]*$' | sort -u
}

G=$TAP_TMP/genuine.so
S=$TAP_TMP/state
cp "$GENUINE" "$G"
make_loader "$S" "$G" || exit 1

unlike "$(ALIAS=none maps_in "$S")" 'genuine\.so' "an unchanged ld.so is not loaded a second time"
newer_copy "$TAP_TMP/newer.so"
mv "$TAP_TMP/newer.so" "$G"
like "$(ALIAS=none maps_in "$S")" "$G" "an ld.so that was replaced is loaded and started instead"
is "$(ALIAS=none in_namespace "$S" "$FIX/cxx" 2>&1)" "$("$FIX/cxx" 2>&1)" "a C++ program runs by the newer ld.so"
is "$(ALIAS=none in_namespace "$S" "$FIX/threads" 2>&1)" "$("$FIX/threads" 2>&1)" "threads run by the newer ld.so"
is "$(ALIAS=none in_namespace "$S" "$FIX/dl" 2>&1)" "$("$FIX/dl" 2>&1)" "dlopen works by the newer ld.so"
is "$(ALIAS=none LD_LIBRARY_PATH=$FIX/other in_namespace "$S" "$FIX/uses_lib_nopath" 2>&1)" \
    "$(LD_LIBRARY_PATH=$FIX/other "$FIX/uses_lib_nopath" 2>&1)" "LD_LIBRARY_PATH works by the newer ld.so"
like "$(ALIAS=none in_namespace "$S" python3 -c 'import ctypes; print(ctypes.sizeof(ctypes.c_long))')" '^8$' \
    "python3 runs by the newer ld.so"
is "$("$S/ld-dyld.so" "$FIX/hello" 0 2>&1 | head -n 1)" "$("$INTERPRETER" "$FIX/hello" 0 2>&1 | head -n 1)" \
    "as a command, too, the newer ld.so is started"
like "$("$S/ld-dyld.so" /bin/cat /proc/self/maps)" "$G" "as a command, too, the newer ld.so is mapped"

# Where ld-dyld.so hides the genuine path, the alias leads to the newer one.
S=$TAP_TMP/state2
make_loader "$S" || exit 1
newer_copy "$TAP_TMP/newer.so"
like "$(ALIAS=$TAP_TMP/newer.so maps_in "$S")" "newer|genuine-ld" "a newer ld.so is found by its alias"
unlike "$(maps_in "$S")" 'genuine-ld' "the alias of the same ld.so loads nothing"
unlike "$(ALIAS=none maps_in "$S")" 'genuine-ld' "an empty placeholder loads nothing"

# In-place overwrite: same inode, other times
S=$TAP_TMP/state3
cp "$GENUINE" "$G.3"
make_loader "$S" "$G.3" || exit 1
echo newer >>"$G.3"
like "$(ALIAS=none maps_in "$S")" "$G.3" "an ld.so that was rewritten in place is noticed"

# Things that are no usable ld.so: the copy goes on.
for what in "another ld-dyld.so" "a truncated ld.so" "a text file" "a deleted ld.so" "a directory"; do
    S=$TAP_TMP/state4
    rm -rf "$S" "$G.4"
    cp "$GENUINE" "$G.4"
    make_loader "$S" "$G.4" || exit 1
    rm "$G.4"
    case $what in
    another*) cp "$S/ld-dyld.so" "$G.4" ;;
    *truncated*) head -c 1000 "$GENUINE" >"$G.4" ;;
    *text*) echo hello >"$G.4" ;;
    *directory) mkdir "$G.4" ;;
    esac
    is "$(ALIAS=none in_namespace "$S" "$FIX/hello" 0 2>&1 | head -n 1)" "$("$FIX/hello" 0 2>&1 | head -n 1)" \
        "$what in the place of the genuine one does no harm"
done
tap_done
