#pragma once
// One linear pass over packed PDQ hashes: the kernel below the index, chosen once for the processor at hand.
//
// `hashes` holds `count` hashes of four 64-bit words each; every entry whose Hamming distance to `query` is
// at most `radius` is written to `hits`, which has room for `count`. Returns how many. All kernels give equal
// results in equal order. Concurrency: pure functions. Source: the field's definition of a PDQ match (Hamming
// distance over 256 bits, usually at most 31).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tocsin::storage {

struct ScanHit {
  std::uint32_t position;
  std::uint32_t distance;
};

using PdqScan = std::size_t (*)(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                                unsigned radius, ScanHit* hits);

std::size_t pdq_scan_portable(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                              unsigned radius, ScanHit* hits);
std::size_t pdq_scan_popcnt(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                            unsigned radius, ScanHit* hits);
std::size_t pdq_scan_avx512(const std::uint64_t* hashes, std::size_t count, const std::uint64_t* query,
                            unsigned radius, ScanHit* hits);

struct PdqKernel {
  std::string_view name;
  PdqScan scan;
  bool (*usable)();  // this build has it and this processor runs it
};

// Fastest first; the last is always usable.
std::span<const PdqKernel> pdq_kernels();
const PdqKernel& best_pdq_kernel();

}  // namespace tocsin::storage
