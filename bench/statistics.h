// SPDX-License-Identifier: GPL-2.0-or-later
// Medians and spread: figures of starts are skewed, so means and standard deviations would mislead.
#pragma once

#include <vector>

namespace sharedregion {

struct Summary {
    double median = 0, lower_quartile = 0, upper_quartile = 0, mad = 0; // mad: median absolute deviation
};

// Of at least one value.
Summary summarize(std::vector<double> values);

} // namespace sharedregion
