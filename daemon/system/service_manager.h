// SPDX-License-Identifier: GPL-2.0-or-later
// systemd, by way of systemctl(1).
#pragma once

#include "sharedregion/failure.h"

#include <string>
#include <vector>

namespace sharedregion {

// sd_booted(3): whether systemd runs this system.
bool is_systemd_running();

// Fails with what systemctl said on stderr.
Done systemctl(const std::vector<std::string> &arguments);

// One property of a unit (systemctl show), without the line's end; empty: none.
std::string unit_property(const std::string &unit, const std::string &property);

} // namespace sharedregion
