// SPDX-License-Identifier: GPL-2.0-or-later
#include "libdyldshim/shared/same_file.h"

#include "sharedregion/file_identity.h"

namespace sharedregion {

bool is_same_file(const struct stat &info, const FileIdentity &identity) {
    return identity_of(info) == identity;
}

} // namespace sharedregion
