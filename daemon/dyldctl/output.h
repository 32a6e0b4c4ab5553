// SPDX-License-Identifier: GPL-2.0-or-later
// What dyldctl tells: messages on stderr, results on stdout, a progress bar on a terminal.
#pragma once

#include "daemon/dyldctl/command.h"

#include <chrono>

namespace sharedregion {

// Prints "dyldctl: ..." to stderr and sets the exit code.
void fail(Context &context, const Failure &failure, int exit_code = kFailed);

// A line to stderr unless --quiet.
void note(const Context &context, const std::string &text);

// One JSON document to stdout; bytes that are not UTF-8 are replaced.
void print_json(const Json &json);

// `text` in a colour if stdout is a terminal and NO_COLOR is not set (https://no-color.org).
enum class Colour { Good, Bad, Faint };
std::string coloured(Colour colour, const std::string &text);

// "1.5 MiB"
std::string bytes_text(uint64_t bytes);

// "1 program", "2 programs"
std::string counted(uint64_t count, const std::string &one, const std::string &many = "");

// A bar on stderr, if that is a terminal, for work that takes longer than a second.
class ProgressBar {
  public:
    explicit ProgressBar(const Context &context);
    ~ProgressBar() { clear(); }
    void show(uint64_t done, uint64_t total, const std::string &phase);
    void clear(); // before any other line

  private:
    bool enabled_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point begin_, last_;
};

} // namespace sharedregion
