// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/support/hash_body.h"

#include "builder/support/parallel.h"

#include <algorithm>

namespace sharedregion {

Outcome<std::vector<Sha256>> hash_body(int fd, uint64_t begin, uint64_t end, const std::string &name,
                                       Progress &progress) {
    constexpr uint64_t kBlocksPerItem = 64;
    std::vector<Sha256> leaves((end - begin + kHashBlockSize - 1) / kHashBlockSize);
    uint64_t items = (leaves.size() + kBlocksPerItem - 1) / kBlocksPerItem;
    ProgressCounter counter(progress, items, "hash");
    Done done = parallel_try(items, [&](size_t item) -> Done {
        uint64_t first = item * kBlocksPerItem;
        uint64_t at = begin + first * kHashBlockSize;
        auto bytes = TRY(read_at(fd, at, std::min(kBlocksPerItem * kHashBlockSize, end - at), name));
        std::vector<Sha256> hashed = hash_blocks(ByteView(bytes.data(), bytes.size()));
        std::copy(hashed.begin(), hashed.end(), leaves.begin() + static_cast<std::ptrdiff_t>(first));
        counter.advance();
        return Success{};
    });
    if (!done.ok())
        return std::move(done.error());
    return leaves;
}

} // namespace sharedregion
