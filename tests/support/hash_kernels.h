#pragma once
// Runs a part of a test once with each SHA-256 kernel that this processor has, so that what it shows holds on
// every other machine too.

#include <iostream>
#include <string>

#include "crypto/sha256_kernel.h"
#include "tests/support/catch.h"

namespace tocsin::test {

// Until it goes, everything is hashed with the named kernel.
class HashKernel {
 public:
  explicit HashKernel(const char* name) : there_(crypto::use_sha256_kernel(name)) {}
  ~HashKernel() { crypto::use_sha256_kernel(""); }
  HashKernel(const HashKernel&) = delete;
  HashKernel& operator=(const HashKernel&) = delete;
  bool there() const { return there_; }

 private:
  const bool there_;
};

template <typename Part>
void on_every_hash_kernel(Part part) {
  for (const crypto::Sha256Kernel& kernel : crypto::sha256_kernels()) {
    const HashKernel forced(kernel.name);
    if (!forced.there()) {
      std::cout << "skipped: this processor has no " << kernel.name << "\n";
      continue;
    }
    INFO("on " << kernel.name);
    CHECK(&crypto::sha256_kernel() == &kernel);
    part();
  }
}

}  // namespace tocsin::test
