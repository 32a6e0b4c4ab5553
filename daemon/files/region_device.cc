// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/files/region_device.h"

#include "daemon/files/other_root.h"
#include "uapi/linux/shared_region.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

namespace {

// 0: no character device.
dev_t device_number(const UniqueFd &fd) {
    struct stat st;
    return fd.valid() && fstat(fd.get(), &st) == 0 && S_ISCHR(st.st_mode) ? st.st_rdev : 0;
}

} // namespace

bool is_module_loaded() {
    return can_access_of_machine(SHARED_REGION_DEVICE, F_OK);
}

bool has_region_device() {
    return can_access_of_machine(SHARED_REGION_DEVICE, R_OK | W_OK);
}

bool programs_have_region_device() {
    if (other_root().empty())
        return has_region_device();
    const dev_t machines = device_number(UniqueFd(open_of_machine(SHARED_REGION_DEVICE, O_PATH)));
    return machines != 0 && access(SHARED_REGION_DEVICE, R_OK | W_OK) == 0 &&
           device_number(UniqueFd(open_at(AT_FDCWD, SHARED_REGION_DEVICE, O_PATH, 0, links_inside()))) ==
               machines;
}

Failure no_module() {
    return Failure::about(SHARED_REGION_DEVICE,
                          "no such device: the kernel module is not loaded; `modprobe shared_region` "
                          "(`make install-module` and dkms install it)",
                          Failure::kNoOffset, ENODEV);
}

Outcome<UniqueFd> open_region_device() {
    UniqueFd device(open_of_machine(SHARED_REGION_DEVICE, O_RDWR));
    if (device.valid())
        return Outcome<UniqueFd>(std::move(device));
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        return no_module();
    return Failure::system(errno, SHARED_REGION_DEVICE, "cannot open");
}

} // namespace sharedregion
