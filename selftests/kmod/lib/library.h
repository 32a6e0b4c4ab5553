/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A shared library as linked, and the list of its words that slide. */
#ifndef SHREG_LIBRARY_H
#define SHREG_LIBRARY_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct library {
	const char *file;		/* the whole file, mapped */
	size_t file_size;
	const Elf64_Phdr *segments;
	int segment_count;
	uint64_t end;			/* of the image */
	char *image;			/* as linked: segments at their addresses, with relative words in place */
	uint8_t *relative;		/* per word: it slides */
	size_t relative_count;
	uint64_t *relr;			/* the list: the linker's, or made of DT_RELA */
	size_t relr_count;
};

/* 0, or -1 if the file cannot be read. */
int library_read(const char *path, struct library *library);

/* A file with the image, opened for reading; or -1. */
int library_write_image(const struct library *library);

/* How many words at base are not what ld.so would have made of the library at that address. */
size_t library_wrong_words(const struct library *library, const char *base);

size_t library_bitmaps(const struct library *library);

#endif
