/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 (FIPS 180-4), to compute what the module shall find by other means than its own. */
#ifndef SHREG_SHA256_H
#define SHREG_SHA256_H

#include <stddef.h>
#include <stdint.h>

void sha256_of(const void *data, size_t size, uint8_t digest[32]);

#endif
