// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dyldctl/output.h"

#include "sharedregion/printable.h"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace sharedregion {

void fail(Context &context, const Failure &failure, int exit_code) {
    fprintf(stderr, "dyldctl: %s\n", printable(failure.message()).c_str());
    context.exit_code = exit_code;
}

void note(const Context &context, const std::string &text) {
    if (!context.quiet)
        fprintf(stderr, "dyldctl: %s\n", printable(text).c_str());
}

void print_json(const Json &json) {
    std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
    printf("%s\n", text.c_str());
}

std::string coloured(Colour colour, const std::string &text) {
    static const bool enabled = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == nullptr;
    if (!enabled)
        return text;
    const char *code = colour == Colour::Good ? "32" : colour == Colour::Bad ? "31" : "2";
    return std::string("\033[") + code + "m" + text + "\033[0m";
}

std::string bytes_text(uint64_t bytes) {
    const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(units); unit++)
        value /= 1024;
    char text[32];
    snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

std::string counted(uint64_t count, const std::string &one, const std::string &many) {
    std::string plural = many.empty() ? one + "s" : many;
    return std::to_string(count) + " " + (count == 1 ? one : plural);
}

ProgressBar::ProgressBar(const Context &context)
    : enabled_(!context.quiet && isatty(STDERR_FILENO)), begin_(std::chrono::steady_clock::now()), last_() {}

void ProgressBar::show(uint64_t done, uint64_t total, const std::string &phase) {
    using namespace std::chrono;
    auto now = steady_clock::now();
    if (!enabled_ || now - begin_ < seconds(1) || now - last_ < milliseconds(100))
        return;
    last_ = now;
    winsize window = {};
    unsigned columns =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col != 0 ? window.ws_col : 80;
    unsigned width = columns > 60 ? 30 : 10;
    uint64_t filled = total == 0 ? 0 : std::min<uint64_t>(done, total) * width / total;
    std::string bar(filled, '#');
    bar.resize(width, '.');
    char text[256];
    snprintf(text, sizeof text, "[%s] %llu/%llu %s %llds", bar.c_str(), (unsigned long long)done,
             (unsigned long long)total, phase.c_str(),
             (long long)duration_cast<seconds>(now - begin_).count());
    fprintf(stderr, "\r\033[K%.*s", int(columns - 1), text);
    drawn_ = true;
}

void ProgressBar::clear() {
    if (drawn_)
        fprintf(stderr, "\r\033[K");
    drawn_ = false;
}

} // namespace sharedregion
