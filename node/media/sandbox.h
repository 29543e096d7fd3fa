#pragma once
// The sandbox a hostile image is decoded in: after enter_sandbox the process can read standard input, write
// standard output, use memory and exit, and nothing else for the rest of its life.
//
// Guarantee: no new privileges, no core dump, no attaching debugger of the same user; limits on memory,
// processor time, files and processes; a seccomp filter under which any other system call kills the process.
// If any of it cannot be set, the call fails and the caller must not touch input: there is no weaker mode.
// Errors: kFailedPrecondition, rule "media/sandbox". Concurrency: single-threaded processes only;
// irreversible. Source: prctl(2), setrlimit(2), seccomp(2).

#include <cstdint>

#include "crypto/base/result.h"

namespace tocsin::node {

struct SandboxLimits {
  std::uint64_t address_bytes = std::uint64_t{1} << 30;
  std::uint64_t cpu_seconds = 120;  // for the process's life; the parent replaces a worker long before
};

Status enter_sandbox(const SandboxLimits& limits = {});

}  // namespace tocsin::node
