// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>

namespace sharedregion {

namespace {

// Linear interpolation between the neighbours (Hyndman and Fan, "Sample Quantiles in Statistical
// Packages", 1996: type 7). `sorted` is not empty.
double quantile(const std::vector<double> &sorted, double part) {
    double position = part * double(sorted.size() - 1);
    size_t below = size_t(position);
    size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (position - double(below));
}

} // namespace

Summary summarize(std::vector<double> values) {
    Summary summary;
    std::sort(values.begin(), values.end());
    summary.median = quantile(values, 0.5);
    summary.lower_quartile = quantile(values, 0.25);
    summary.upper_quartile = quantile(values, 0.75);
    for (double &value : values)
        value = std::fabs(value - summary.median);
    std::sort(values.begin(), values.end());
    summary.mad = quantile(values, 0.5);
    return summary;
}

} // namespace sharedregion
