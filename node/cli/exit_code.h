#pragma once
// What a run of `tocsin` ends with: exit codes that scripts may branch on, and how an error is shown.
//
// Guarantee: a code keeps its meaning for ever; 8 is a failed verification and nothing else. An error is one
// line, its rule in brackets, then Why and Fix, the fix last; with -o json or ndjson it is one RFC 9457
// object. Concurrency: pure functions.

#include <iosfwd>

#include "crypto/base/result.h"

namespace tocsin::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kNotAllowed = 4,
  kConflict = 5,
  kUnreachable = 6,
  kPartlyDone = 7,
  kVerificationFailed = 8,
  kRefused = 9,
  kFindings = 10,
  kInterrupted = 130,
};

// Rules "due-process/..." and "policy/..." are kRefused whatever their code.
ExitCode exit_code(const Error& error);

struct ErrorForm {
  bool json = false;
  bool colour = false;
};
void print_error(std::ostream& out, const Error& error, const ErrorForm& form);

// What a person typed is wrong: kInvalidArgument with rule "usage".
Error usage_error(std::string message, std::string fix = {});

}  // namespace tocsin::cli
