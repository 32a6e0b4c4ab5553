// SPDX-License-Identifier: GPL-2.0-or-later
// For tests of capture without the builder: a planner that puts the libraries which `ld.so --list`
// names one behind the other, and a base content that is just the files' bytes.
#pragma once

#include "builder/capture/capture.h"

#include <memory>
#include <unordered_map>

namespace sharedregion::test {

inline constexpr const char *kLoader = "/lib64/ld-linux-x86-64.so.2";

// Pages of writable segments as ld.so maps them, before relocation; no word slides.
class RawBaseContent : public BaseContent {
  public:
    const std::byte *page(VMOffset offset) const override;
    bool slides(VMOffset) const override { return false; }
    SlideBits slide_bits(VMOffset) const override { return {}; }
    void add(uint64_t offset, const std::vector<std::byte> &pages);

  private:
    std::unordered_map<uint64_t, std::vector<std::byte>> pages_;
};

struct TestPlan {
    SteeringPlan plan;
    RawBaseContent base;
};

// The canonical paths of the libraries that a program needs (without ld.so itself).
std::vector<std::string> list_libraries(const std::string &program);

// Plans all libraries of the given programs, and ld.so. Where `base` is not wanted, it stays empty.
std::unique_ptr<TestPlan> make_plan(const std::vector<std::string> &programs, bool with_base = true);

// Plans and captures one program.
Result<ProgramCapture, Rejection> capture(const std::string &program, unsigned timeout_ms = 10000);

// A file of out/fixtures/capture, by its canonical path.
std::string fixture(const std::string &name);

// The canonical path of a command in /usr/bin, /usr/sbin, /bin or /sbin; empty: not installed.
std::string find_command(const std::string &name);

} // namespace sharedregion::test
