// SPDX-License-Identifier: GPL-2.0-or-later
// Errors as values: Error, Result<T, E> and TRY().
//
// No allocation, no exceptions. `what` is a literal; the caller that knows the file adds its path
// (hosted code does so with Failure, failure.h). Only main() and the D-Bus adapter print.
#pragma once

#include <new>
#include <stdint.h>
#include <utility>

namespace sharedregion {

// An error that needs no memory: `code` an errno value (0 never), `what` says what is wrong and what
// to do, `where` the offset in bytes (or the field's value) that it is about.
struct [[nodiscard]] Error {
    int code;
    const char *what;
    uint64_t where;
};

// Either a T or an E. Ask ok() first; value() of an error is undefined.
template <class T, class E = Error> class [[nodiscard]] Result {
  public:
    Result(T value) : ok_(true) { new (&value_) T(std::move(value)); }
    Result(E error) : ok_(false) { new (&error_) E(std::move(error)); }
    Result(Result &&other) noexcept : ok_(other.ok_) {
        if (ok_)
            new (&value_) T(std::move(other.value_));
        else
            new (&error_) E(std::move(other.error_));
    }
    Result(const Result &) = delete;
    Result &operator=(const Result &) = delete;
    ~Result() {
        if (ok_)
            value_.~T();
        else
            error_.~E();
    }

    bool ok() const { return ok_; }
    T &value() { return value_; }
    const T &value() const { return value_; }
    E &error() { return error_; }
    const E &error() const { return error_; }

  private:
    union {
        T value_;
        E error_;
    };
    bool ok_;
};

// The result of a function that has nothing to return but success.
struct Success {};
template <class E> using StatusOf = Result<Success, E>;
using Status = Result<Success, Error>;

} // namespace sharedregion

// Evaluates to the value of a Result, or returns its error from the enclosing function. (A statement
// expression, as in the kernel: GCC and Clang both have it.)
#define TRY(expression)                                                                                      \
    ({                                                                                                       \
        auto try_result = (expression);                                                                      \
        if (!try_result.ok())                                                                                \
            return std::move(try_result.error());                                                            \
        std::move(try_result.value());                                                                       \
    })
