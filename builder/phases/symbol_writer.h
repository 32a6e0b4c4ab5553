// SPDX-License-Identifier: GPL-2.0-or-later
// The cache as an ELF that tools can open: sections named after the libraries, one merged .symtab.
#pragma once

#include "builder/model/cache_model.h"

namespace sharedregion {

// Outputs: buffer of chunk `symbols`, first_global_symbol; names go into model->strings.
Done emit_symbols(CacheModel *model);

// Sections: 0 null, then one per image segment in order, then tables.
// Outputs: buffers of chunks `section_names` and `sections`. Called once to learn their sizes, and again when
// all tables have their file offsets.
void emit_sections(CacheModel *model);

} // namespace sharedregion
