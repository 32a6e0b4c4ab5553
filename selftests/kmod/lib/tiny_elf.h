/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs and interpreters of a few instructions, made byte by byte: an interpreter exits with a number, so the exit
 * code of a program says who interpreted it.
 */
#ifndef SHREG_TINY_ELF_H
#define SHREG_TINY_ELF_H

#include <stddef.h>
#include <stdint.h>

#define GENUINE		"/tmp/ld-genuine.so"
#define REPLACEMENT	"/tmp/ld-replacement.so"
#define PROGRAM		"/tmp/program"
#define BY_GENUINE	11
#define BY_REPLACEMENT	22

/* An interpreter that exits with `code`. 0 or -1, as the others. */
int make_interpreter(const char *path, unsigned char code);
/* Likewise, after it has read a byte from standard input. */
int make_waiting_interpreter(const char *path, unsigned char code);
/* An interpreter that tries to map `address` and exits with the error: EEXIST if something is there. */
int make_probe(const char *path, uint64_t address);
/*
 * An interpreter that attaches by the device at `fd`, calls the region's page `page` (below 16) and exits with what that
 * returns (its number), or with CHECK's error.
 */
int make_attaching_interpreter(const char *path, unsigned char fd, unsigned char page);
/* A program that names `interpreter` in PT_INTERP. */
int make_program(const char *path, const char *interpreter);
/* The same two for i386. */
int make_interpreter32(const char *path, unsigned char code);
int make_program32(const char *path, const char *interpreter);
/* An i386 program that exits with the error of ioctl(fd, command, its stack). */
int make_ioctl_program32(const char *path, unsigned char fd, uint32_t command);
/* GENUINE, REPLACEMENT and PROGRAM. */
int make_all(void);
/* Writes another exit code into an interpreter, in place. */
int rewrite_interpreter(const char *path, unsigned char code);

/* Runs a program; its exit code, 127 if it does not start, 128 + signal. */
int run_program(const char *path);

#endif
