// SPDX-License-Identifier: GPL-2.0-or-later
#include "builder/capture/page_buffer.h"

#include <sys/mman.h>

namespace sharedregion {

PageBuffer::PageBuffer(uint64_t size) : size_(size) {
    if (size == 0)
        return;
    void *data =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data != MAP_FAILED)
        data_ = static_cast<std::byte *>(data);
}

PageBuffer::~PageBuffer() {
    if (data_ != nullptr)
        munmap(data_, size_);
}

} // namespace sharedregion
