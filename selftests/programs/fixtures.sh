#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The fixture programs do the same from the cache as by plain ld.so: language run time, dynamic linking API,
# threads, contexts, and every way of linking an executable.
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/both_ways.sh
use_fixture_state

both prebuilt "an empty program starts" "$FIX/empty"
both prebuilt "arguments, environment and exit code arrive" "$FIX/hello" one 'two words' 17
both prebuilt "the program starts without arguments of its own" "$FIX/hello"
both prebuilt "auxv, secrets, limits, tid, robust list and link map are this process's own" "$FIX/auxv" a b c
INPUT=$ROOT/README.md
both prebuilt "C++ exceptions, iostream, thread_local and regex work" "$FIX/cxx"
INPUT=/dev/null
both prebuilt "a program's malloc replaces libc's" "$FIX/malloc_override"
both prebuilt "IFUNCs of the program and of libc resolve" "$FIX/ifunc"
both prebuilt "dlopen, dlclose, dlmopen, dlsym, dladdr, dl_iterate_phdr, dlinfo work" "$FIX/dl" "$FIX/libplugin.so"
both prebuilt "a plugin with TLS works in threads older than it" "$FIX/plugin_tls" "$FIX/libplugin.so"
both prebuilt "RTLD_LAZY stays lazy" "$FIX/lazy" "$FIX/liblazy.so"
both prebuilt "time and gettimeofday of the vDSO work, and are the same function everywhere" "$FIX/vdso"
both prebuilt "threads, robust and shared mutexes, fork with threads, atfork work" "$FIX/threads"
both prebuilt "ucontext, longjmp, sigaltstack work" "$FIX/context"
both prebuilt "relro is read-only, nothing is writable and executable" "$FIX/protections"
both prebuilt "posix_spawn, vfork and execve start children" "$FIX/execs" "$FIX/hello"
started=$(DYLD_PRINT_LOADERS=1 run_prebuilt "$FIX/execs" "$FIX/hello" environ 2>&1 >/dev/null </dev/null | grep -a '^dyld: ' | cut -d' ' -f2)
is "${started//$'\n'/ }" "prebuilt prebuilt prebuilt prebuilt" "all of these children start from the cache, as their parent does"
both prebuilt "a #! script's interpreter starts" "$FIX/script" 4
is "$(decision "$FIX/script" 4)" prebuilt "a #! script's interpreter comes from the cache"

# Ways of linking
both prebuilt "a PIE with a library beside it" "$FIX/uses_lib"
both prebuilt "a non-PIE with COPY relocations" "$FIX/uses_lib_nonpie"
both prebuilt "an executable without a build-id" "$FIX/uses_lib_nobuildid"
both prebuilt "an executable linked -z lazy without RELRO" "$FIX/uses_lib_lazy"
both prebuilt "an executable linked -z now with RELRO" "$FIX/uses_lib_now"
both prebuilt "an executable with a System V hash table only" "$FIX/uses_lib_sysvhash"
both prebuilt "DT_RPATH instead of DT_RUNPATH" "$FIX/uses_lib_rpath"
both prebuilt "\$ORIGIN/../.. in RUNPATH" "$FIX/origin/bin/uses_lib"
both none "a static program is left alone" "$FIX/static" 6
both none "a static PIE is left alone" "$FIX/static_pie" 6
both 'jit no-set.*' "an unresolved function that is never called does not matter" "$FIX/unresolved"
both 'jit no-set.*' "an unresolved function that is called ends the program as usual" "$FIX/unresolved" call

both 'jit no-set.*' "a program that ld.so refuses is refused" "$FIX/plt_none" call
like "$("$DYLDCTL" --state "$STATE" why "$FIX/plt_none")" '^malformed-elf .*DT_JMPREL' "why says that its PLT has a wrong relocation"

# More than page alignment
both prebuilt "a library whose data is aligned to 64 KiB gets that" "$FIX/aligned"
both prebuilt "thread-local data aligned to 64 KiB does" "$FIX/aligned_tls"
both 'jit no-set.*' "thread-local data aligned to 4 MiB does, by plain ld.so" "$FIX/aligned_tls_4m"
like "$("$DYLDCTL" --state "$STATE" why "$FIX/aligned_tls_4m")" '^large-alignment' "and why says so"

# The same text at another place is another program for $ORIGIN: it must find its own library.
mkdir -p "$TAP_TMP/moved"
cp "$FIX/uses_lib" "$FIX/other/libfixture.so" "$TAP_TMP/moved/"
both 'jit program-changed.*' "a copy beside another library uses that library" "$TAP_TMP/moved/uses_lib"
ln -s "$FIX/uses_lib" "$TAP_TMP/link"
both prebuilt "a symbolic link to a program works" "$TAP_TMP/link"
ln "$FIX/uses_lib" "$FIX/other/hard_link" 2>/dev/null
at_exit rm -f "$FIX/other/hard_link"
both 'jit program-changed.*' "a hard link beside another library uses that library" "$FIX/other/hard_link"

# Executed by descriptor: AT_EXECFN is a path in /dev/fd, or of a file that has no name any more.
by_descriptor='import os, sys; os.execve(os.open(sys.argv[1], os.O_RDONLY), sys.argv[1:], os.environ)'
both 'prebuilt|jit program-changed.*' "fexecve of a program" python3 -c "$by_descriptor" "$FIX/uses_lib"
by_memory='
import os, sys
fd = os.memfd_create("copy", 0)
os.write(fd, open(sys.argv[1], "rb").read())
os.execve(fd, sys.argv[1:], os.environ)'
both 'jit .*' "a copy of a program in memory is another program" python3 -c "$by_memory" "$FIX/hello" 8
deleted='import os, sys; fd = os.open(sys.argv[1], 0); os.unlink(sys.argv[1]); os.execve(fd, sys.argv[1:], os.environ)'
run_deleted() { cp "$FIX/hello" "$TAP_TMP/unlinked" && "$@" python3 -c "$deleted" "$TAP_TMP/unlinked" 8 2>/dev/null | head -n 1; }
is "$(run_deleted run_prebuilt)" "$(run_deleted env)" "a program that was deleted between open and exec runs"

# The same relative name means another file in another directory.
mkdir -p "$TAP_TMP/here"
cp "$FIX/hello" "$TAP_TMP/here/uses_lib"
both 'jit .*' "another program under a known relative name" bash -c 'cd "$0" && exec ./uses_lib 3' "$TAP_TMP/here"
tap_done
