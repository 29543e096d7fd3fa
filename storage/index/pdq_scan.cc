#include "storage/index/pdq_scan.h"

#include <array>
#include <bit>

namespace tocsin::storage {
namespace {

bool always() {
  return true;
}
#if defined(__x86_64__)
bool has_popcnt() {
  return __builtin_cpu_supports("popcnt") != 0;
}
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vpopcntdq") != 0;
}
#endif

constexpr std::array kKernels {
#if defined(__x86_64__)
  PdqKernel{"avx512", pdq_scan_avx512, has_avx512}, PdqKernel{"popcnt", pdq_scan_popcnt, has_popcnt},
#endif
      PdqKernel{"portable", pdq_scan_portable, always},
};

}  // namespace

std::span<const PdqKernel> pdq_kernels() {
  return kKernels;
}

const PdqKernel& best_pdq_kernel() {
  static const PdqKernel& best = []() -> const PdqKernel& {
    for (const PdqKernel& kernel : kKernels)
      if (kernel.usable()) return kernel;
    return kKernels.back();
  }();
  return best;
}

std::size_t pdq_scan_portable(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                              unsigned radius, ScanHit* hits) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i, hashes += 4) {
    const int distance = std::popcount(hashes[0] ^ query[0]) + std::popcount(hashes[1] ^ query[1]) +
                         std::popcount(hashes[2] ^ query[2]) + std::popcount(hashes[3] ^ query[3]);
    if (static_cast<unsigned>(distance) <= radius)
      hits[found++] = {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(distance)};
  }
  return found;
}

}  // namespace tocsin::storage
