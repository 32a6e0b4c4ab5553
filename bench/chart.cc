// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench/chart.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

namespace sharedregion {

namespace {

bool ends_with(const std::string &text, const std::string &end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// In a single-quoted gnuplot string a quote is doubled, and nothing else is special.
std::string quoted(const std::string &text) {
    std::string result = "'";
    for (char c : text)
        result += c == '\'' ? std::string("''") : std::string(1, c == '\n' ? ' ' : c);
    return result + "'";
}

std::string label(const CommandResult &result) {
    const std::string &path = result.command.path;
    std::string text = path.substr(path.rfind('/') + 1);
    if (result.decision.compare(0, 8, "prebuilt") != 0)
        text += " (" + result.decision + ")";
    return text;
}

const char *terminal(const std::string &file) {
    return ends_with(file, ".png") ? "png" : "svg background 'white'";
}

} // namespace

std::string chart_script(const std::vector<CommandResult> &results, const std::string &file) {
    unsigned height = 120 + 34 * unsigned(results.size());
    char text[256];
    snprintf(text, sizeof text, "set terminal %s size 800,%u\n", terminal(file), height);
    std::string script = text;
    script += "set output " + quoted(file) + "\n";
    script += "set title 'Start time from the shared cache, ld.so = 1 (median, quartiles of pairs)'\n"
              "set xrange [0:*]\nset yrange [" +
              std::to_string(results.size()) +
              ":-1] \n"
              "set grid xtics\nset key off\nset style fill solid 0.6\nset bars small\n"
              "set arrow from 1,graph 0 to 1,graph 1 nohead dashtype 2\nset ytics noenhanced (";
    for (size_t i = 0; i < results.size(); i++)
        script += (i == 0 ? "" : ", ") + quoted(label(results[i])) + " " + std::to_string(i);
    script += ")\n$data << END\n";
    for (size_t i = 0; i < results.size(); i++) {
        const CommandResult &result = results[i];
        snprintf(text, sizeof text, "%zu %.4f %.4f %.4f\n", i, result.ratio, result.paired.lower_quartile,
                 result.paired.upper_quartile);
        script += text;
    }
    return script + "END\n"
                    "plot $data using 2:1:(0):2:($1-0.35):($1+0.35) with boxxyerror linecolor rgb '#3b76af', "
                    "'' using 2:1:3:4 with xerrorbars pointtype 0 linecolor rgb 'black', "
                    "'' using 2:1:(sprintf('  %.2f', $2)) with labels left offset 3,0\n";
}

Done check_chart(const std::string &file) {
    if (!ends_with(file, ".svg") && !ends_with(file, ".png"))
        return Failure::about(file, "a chart's name must end with .svg or .png");
    if (system("command -v gnuplot >/dev/null") != 0)
        return Failure::about(file, "gnuplot is missing; install the package gnuplot-nox");
    const bool is_new = access(file.c_str(), F_OK) != 0;
    int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return Failure::system(errno, file, "cannot write a chart there");
    close(fd);
    if (is_new)
        unlink(file.c_str());
    return Success{};
}

Done write_chart(const std::vector<CommandResult> &results, const std::string &file) {
    TRY(check_chart(file));
    unlink(file.c_str());
    auto old = signal(SIGPIPE, SIG_IGN); // gnuplot may end early
    // Where `set output` fails, gnuplot draws on its standard output, which is for our results.
    FILE *gnuplot = popen("exec gnuplot >/dev/null", "w");
    if (gnuplot == nullptr)
        return Failure::system(errno, file, "cannot start gnuplot");
    std::string script = chart_script(results, file);
    (void)fwrite(script.data(), 1, script.size(), gnuplot);
    int status = pclose(gnuplot);
    signal(SIGPIPE, old);
    if (status != 0 || access(file.c_str(), R_OK) != 0)
        return Failure::about(file, "gnuplot could not write the chart");
    return Success{};
}

} // namespace sharedregion
