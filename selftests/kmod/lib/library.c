// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a shared library, and its slide list as the linker made it (DT_RELR), or makes one of DT_RELA. */
#include "library.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE	4096UL

static void place_segments(struct library *library)
{
	for (int i = 0; i < library->segment_count; i++) {
		const Elf64_Phdr *segment = &library->segments[i];

		if (segment->p_type == PT_LOAD)
			memcpy(library->image + segment->p_vaddr, library->file + segment->p_offset,
			       segment->p_filesz);
	}
}

static uint64_t dynamic_value(const struct library *library, int64_t tag)
{
	const Elf64_Dyn *entry = NULL;

	for (int i = 0; i < library->segment_count; i++)
		if (library->segments[i].p_type == PT_DYNAMIC)
			entry = (const Elf64_Dyn *)(library->image + library->segments[i].p_vaddr);
	for (; entry && entry->d_tag; entry++)
		if (entry->d_tag == tag)
			return entry->d_un.d_val;
	return 0;
}

static void mark(struct library *library, uint64_t address)
{
	library->relative[address / 8] = 1;
	library->relative_count++;
}

/* R_X86_64_RELATIVE: the value as linked is in the relocation, not in the word. */
static void place_rela(struct library *library)
{
	const Elf64_Rela *rela = (const Elf64_Rela *)(library->image + dynamic_value(library, DT_RELA));
	size_t count = dynamic_value(library, DT_RELASZ) / sizeof(*rela);

	for (size_t i = 0; i < count; i++) {
		if (ELF64_R_TYPE(rela[i].r_info) != R_X86_64_RELATIVE || rela[i].r_offset % 8)
			continue;
		memcpy(library->image + rela[i].r_offset, &rela[i].r_addend, 8);
		mark(library, rela[i].r_offset);
	}
}

/* The linker's list, read word by word with the address that each bit stands for. */
static void read_relr(struct library *library)
{
	uint64_t at = 0;

	library->relr = (uint64_t *)(library->image + dynamic_value(library, DT_RELR));
	library->relr_count = dynamic_value(library, DT_RELRSZ) / 8;
	for (size_t i = 0; i < library->relr_count; i++) {
		if (library->relr[i] % 2 == 0) {
			mark(library, library->relr[i]);
			at = library->relr[i] + 8;
			continue;
		}
		for (int bit = 1; bit < 64; bit++)
			if (library->relr[i] >> bit & 1)
				mark(library, at + (bit - 1) * 8UL);
		at += 63 * 8;
	}
}

/* The encoding of SHT_RELR, as ld and lld make it: an address, then bitmaps as long as they help. */
static void encode_relr(struct library *library)
{
	size_t words = library->end / 8, i = 0;
	uint64_t *out = library->relr = calloc(library->relative_count * 2, 8);

	while (i < words) {
		if (!library->relative[i]) {
			i++;
			continue;
		}
		*out++ = i * 8;
		i++;
		for (;;) {
			uint64_t bits = 0;

			for (size_t j = 0; j < 63 && i + j < words; j++)
				bits |= (uint64_t)library->relative[i + j] << j;
			if (!bits)
				break;
			*out++ = bits << 1 | 1;
			i += 63;
		}
	}
	library->relr_count = out - library->relr;
}

int library_read(const char *path, struct library *library)
{
	int fd = open(path, O_RDONLY);
	const Elf64_Ehdr *header;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -1;
	library->file_size = st.st_size;
	library->file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	header = (const Elf64_Ehdr *)library->file;
	library->segments = (const Elf64_Phdr *)(library->file + header->e_phoff);
	library->segment_count = header->e_phnum;
	library->end = 0;
	for (int i = 0; i < library->segment_count; i++) {
		const Elf64_Phdr *segment = &library->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_vaddr + segment->p_memsz > library->end)
			library->end = segment->p_vaddr + segment->p_memsz;
	}
	library->end = (library->end + PAGE - 1) / PAGE * PAGE;
	library->image = calloc(1, library->end);
	library->relative = calloc(1, library->end / 8);
	library->relative_count = 0;
	place_segments(library);
	if (dynamic_value(library, DT_RELR)) {
		read_relr(library);
	} else {
		place_rela(library);
		encode_relr(library);
	}
	return 0;
}

int library_write_image(const struct library *library)
{
	int fd = open("/tmp/image", O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (write(fd, library->image, library->end) != (ssize_t)library->end)
		return -1;
	close(fd);
	return open("/tmp/image", O_RDONLY);
}

size_t library_wrong_words(const struct library *library, const char *base)
{
	size_t wrong = 0;

	for (size_t i = 0; i < library->end / 8; i++) {
		uint64_t expected;

		memcpy(&expected, library->image + i * 8, 8);
		if (library->relative[i])
			expected += (uint64_t)base;
		wrong += ((const uint64_t *)base)[i] != expected;
	}
	return wrong;
}

size_t library_bitmaps(const struct library *library)
{
	size_t count = 0;

	for (size_t i = 0; i < library->relr_count; i++)
		count += library->relr[i] % 2;
	return count;
}
