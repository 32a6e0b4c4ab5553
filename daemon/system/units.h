// SPDX-License-Identifier: GPL-2.0-or-later
// What systemd is told: the unit that switches the whole system on at boot, and drop-ins for single services.
//
// Texts and files only; who runs systemctl is service_manager.h.
#pragma once

#include "daemon/state/state.h"

#include <string>
#include <vector>

namespace sharedregion {

inline constexpr char kUnitDirectory[] = "/etc/systemd/system";
inline constexpr char kSystemUnit[] = "shared-region.service";

// The unit of `enable --system`. `program` is dyldctl's own path.
std::string system_unit_text(const std::string &program, const std::string &state);

// A drop-in: the service's own mount namespace has ld-dyld.so in ld.so's place, and the genuine one's
// directory where ld-dyld.so looks for it. Whatever is missing then is passed over: the service starts by
// plain ld.so. `genuine` is ld.so's canonical path.
std::string drop_in_text(const std::string &state, const std::string &genuine);

// "ssh" -> "ssh.service"; empty: no name of a service that systemd takes.
std::string service_name(const std::string &name);

// The drop-in's path for a full name.
std::string drop_in_path(const std::string &directory, const std::string &service);

// Full names of the services with our drop-in.
std::vector<std::string> services_with_drop_in(const std::string &directory);

// Makes the directories above and writes the file, if it does not have this text; whether it did.
Outcome<bool> write_unit(const std::string &path, const std::string &text);

// Removes the file, and its directory if that is empty and a drop-in's; whether there was one.
Outcome<bool> remove_unit(const std::string &path);

} // namespace sharedregion
