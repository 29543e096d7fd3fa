#pragma once
// Result<T>: every fallible function of Tocsin returns one; nothing throws across our functions.
//
// Guarantee: an Error says what failed, in words for a person, and carries a code a caller may branch on.
// Codes are numerically equal to gRPC's, so a peer's answer and a local failure read alike; HTTP maps them in
// one table (node/http/api). `rule` names the finding for machines, as in "signal/format" or
// "due-process/R1"; `why` and `fix` are the lines a command prints below the message (ops: the CLI's error
// form). All may be empty but `message`. Untrusted input never reaches CHECK; a broken invariant of our own
// stops the process, in release builds too.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace tocsin {

enum class Code : std::uint8_t {
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

std::string_view code_name(Code code);
// The HTTP status that says the same: the one table, for the server, its client and what they print.
unsigned http_status(Code code);

struct [[nodiscard]] Error {
  Code code;
  std::string message;
  std::string rule = {};
  std::string why = {};
  std::string fix = {};
};

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

using Status = Result<void>;

// Shorthand for the common failure: `return fail(Code::kNotFound, "no such signal")`.
inline tl::unexpected<Error> fail(Code code, std::string message, std::string rule = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(rule), {}, {}});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

[[noreturn]] void check_failed(const char* file, int line, const char* expression);

}  // namespace tocsin

#define TOCSIN_CONCAT_(a, b) a##b
#define TOCSIN_CONCAT(a, b) TOCSIN_CONCAT_(a, b)

// Return the error to the caller, or go on.
#define TRY(expression)                                                       \
  do {                                                                        \
    if (auto try_result_ = (expression); !try_result_)                        \
      return tl::unexpected<::tocsin::Error>(std::move(try_result_).error()); \
  } while (false)
// Declare or assign `target` from a Result, or return its error.
#define TRY_ASSIGN_(target, expression, temp)                                 \
  auto temp = (expression);                                                   \
  if (!temp) return tl::unexpected<::tocsin::Error>(std::move(temp).error()); \
  target = std::move(*temp)
#define TRY_ASSIGN(target, expression) TRY_ASSIGN_(target, expression, TOCSIN_CONCAT(try_assign_, __LINE__))
// A broken invariant of our own: never for anything a peer, a file or a person supplied.
#define CHECK_INVARIANT(condition) \
  ((condition) ? void(0) : ::tocsin::check_failed(__FILE__, __LINE__, #condition))
