// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/region_device.h"

#include "daemon/files/other_root.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

bool is_module_loaded() {
    return can_access_of_machine(SHARED_REGION_DEVICE, F_OK);
}

bool has_region_device() {
    return programs_have_region_device() || can_access_of_machine(SHARED_REGION_DEVICE, R_OK | W_OK);
}

bool programs_have_region_device() {
    return access(SHARED_REGION_DEVICE, R_OK | W_OK) == 0;
}

Failure no_module() {
    return Failure::about(SHARED_REGION_DEVICE,
                          "no such device: the kernel module is not loaded; `modprobe shared_region` "
                          "(`make install-module` and dkms install it)",
                          Failure::kNoOffset, ENODEV);
}

Outcome<UniqueFd> open_region_device() {
    UniqueFd device(open(SHARED_REGION_DEVICE, O_RDWR | O_CLOEXEC));
    if (!device.valid() && !other_root().empty())
        device = UniqueFd(open_of_machine(SHARED_REGION_DEVICE, O_RDWR));
    if (device.valid())
        return Outcome<UniqueFd>(std::move(device));
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return no_module();
    return Failure::system(errno, SHARED_REGION_DEVICE, "cannot open");
}

} // namespace sharedregion
