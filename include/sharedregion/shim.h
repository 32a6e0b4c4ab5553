/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process can ask libdyldshim.so about its own start: C11 and C++.
 *
 * The functions are in every process of a tree (`dyldctl shim`), whose LD_PRELOAD names the library; nobody
 * links with it. So declare them weak and test them for NULL, as this header does; in a process without the
 * shim all of them are NULL. None of them changes anything. They are safe in threads, not in signal handlers.
 */
#ifndef SHAREDREGION_SHIM_H
#define SHAREDREGION_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef DYLDSHIM_API
#define DYLDSHIM_API __attribute__((weak))
#endif

/* One loaded object: the program, a library, or ld.so. */
struct dyldshim_image {
    const char *path;  /* as the link map has it; "" for the program */
    const void *begin; /* lowest address of its segments */
    const void *end;   /* behind the highest one */
    int in_region;     /* 1: it lies in the shared region */
};

/* 1: this process started from a set, its libraries lie in the shared region; 0: plain ld.so loaded them. */
DYLDSHIM_API int dyldshim_is_prebuilt(void);

/*
 * "none" where it is prebuilt; else a stable word of those that `DYLD_PRINT_LOADERS=1` prints behind `jit`.
 * Where ld-dyld.so gave way to ld.so it is that reason. Where it had no part in the start, the word is what
 * the shim would execute the program plainly for now, by the environment as it is and the region that is
 * activated: "no-set", "no-cache", "environment" or "disabled"; "plain" where it would not, so that the
 * program was started from outside of the tree, or in a way that the shim leaves to the kernel. A string that
 * is never freed. Reads the environment: as getenv(3), not while another thread changes it.
 */
DYLDSHIM_API const char *dyldshim_jit_reason(void);

/* UUID of the shared cache. 0, or -1 where the process is not prebuilt (then nothing is written). */
DYLDSHIM_API int dyldshim_cache_uuid(uint8_t uuid[16]);

/* The shared region's addresses, [*begin, *begin + *size). 0, or -1 as above. */
DYLDSHIM_API int dyldshim_region(const void **begin, size_t *size);

/*
 * Calls visit() for each loaded object until it returns another value than 0, which is returned; 0 at the
 * end. An image is valid only during the call. visit() must not load or unload libraries.
 */
DYLDSHIM_API int dyldshim_images(int (*visit)(const struct dyldshim_image *image, void *context),
                                 void *context);

/* The object that holds an address. 0, or -1 where none does. */
DYLDSHIM_API int dyldshim_image_of(const void *address, struct dyldshim_image *image);

#ifdef __cplusplus
}
#endif

#endif /* SHAREDREGION_SHIM_H */
