// SPDX-License-Identifier: GPL-2.0-or-later
// A bar chart of the ratios, through gnuplot.
#pragma once

#include "bench/compare.h"

namespace sharedregion {

// Whether a chart could be written, before a long measurement. The name's end chooses the format: .svg or
// .png. Errors: another end, no gnuplot, a file that cannot be written.
Done check_chart(const std::string &file);

// Errors: those of check_chart(), gnuplot's own.
Done write_chart(const std::vector<CommandResult> &results, const std::string &file);

// What gnuplot is told.
std::string chart_script(const std::vector<CommandResult> &results, const std::string &file);

} // namespace sharedregion
