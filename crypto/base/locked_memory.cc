#include "crypto/base/locked_memory.h"

#include <array>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

#include <sodium.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto/base/result.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace tocsin {
namespace {

constexpr std::size_t kChunkBytes = 64 << 10;  // a fence of two pages costs little beside it
constexpr std::size_t kSlotsPerChunk = kChunkBytes / kSlotBytes;
constexpr std::size_t kAlignment = 16;
constexpr std::size_t kLongestSecret = SIZE_MAX / 2;

std::size_t page_bytes() {
  static const std::size_t bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

std::size_t whole_pages(std::size_t size) {
  return (size + page_bytes() - 1) / page_bytes() * page_bytes();
}

// `length` bytes (whole pages), locked, between two pages without access; null when that is not to be had.
std::uint8_t* map_fenced(std::size_t length) {
  const std::size_t fence = page_bytes();
  void* const all =
      mmap(nullptr, length + 2 * fence, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  auto* const inner = static_cast<std::uint8_t*>(all) + fence;
  if (mprotect(inner, length, PROT_READ | PROT_WRITE) != 0 || madvise(inner, length, MADV_DONTDUMP) != 0 ||
      mlock(inner, length) != 0) {
    munmap(all, length + 2 * fence);
    return nullptr;
  }
  return inner;
}

void unmap_fenced(std::uint8_t* inner, std::size_t length) noexcept {
  munmap(inner - page_bytes(), length + 2 * page_bytes());
}

class Arena {
 public:
  // Null when it is full, or nothing more can be locked.
  std::uint8_t* take() {
    const std::lock_guard lock(mu_);
    if (free_.empty() && !grow()) return nullptr;
    std::uint8_t* const slot = free_.back();
    free_.pop_back();
    ++taken_;
    ASAN_UNPOISON_MEMORY_REGION(slot, kSlotBytes);
    return slot;
  }

  void give(std::uint8_t* slot) noexcept {
    sodium_memzero(slot, kSlotBytes);
    ASAN_POISON_MEMORY_REGION(slot, kSlotBytes);
    const std::lock_guard lock(mu_);
    free_.push_back(slot);  // within the capacity that grow() reserved
    --taken_;
  }

  void fill(LockedMemory& out) {
    const std::lock_guard lock(mu_);
    out.arena_bytes = chunks_ * kChunkBytes;
    out.slots_taken = taken_;
  }

 private:
  bool grow() {
    if (exhausted_ || (chunks_ + 1) * kChunkBytes > kArenaBytesMax) return false;
    free_.reserve((chunks_ + 1) * kSlotsPerChunk);
    std::uint8_t* const chunk = map_fenced(kChunkBytes);
    exhausted_ = chunk == nullptr;  // asked once: every key after it would ask the kernel again
    if (exhausted_) return false;
    ++chunks_;
    ASAN_POISON_MEMORY_REGION(chunk, kChunkBytes);
    for (std::size_t i = kSlotsPerChunk; i > 0; --i) free_.push_back(chunk + (i - 1) * kSlotBytes);
    return true;
  }

  std::mutex mu_;  // guards the rest
  std::vector<std::uint8_t*> free_;
  std::size_t chunks_ = 0;
  std::size_t taken_ = 0;
  bool exhausted_ = false;
};

// Never destroyed: secrets in static objects go after everything else.
Arena& arena() {
  static Arena* const one = new Arena;
  return *one;
}

std::atomic<std::uint64_t> unlocked_blocks{0};

// A long secret ends at the fence behind it, so that an overrun is caught at once.
std::uint8_t* take_pages(std::size_t size) {
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t length = whole_pages(rounded);
  std::uint8_t* const inner = map_fenced(length);
  return inner == nullptr ? nullptr : inner + (length - rounded);
}

void give_pages(std::uint8_t* data, std::size_t size) noexcept {
  const std::size_t length = whole_pages((size + kAlignment - 1) / kAlignment * kAlignment);
  const std::size_t lead = reinterpret_cast<std::uintptr_t>(data) % page_bytes();
  unmap_fenced(data - lead, length);
}

}  // namespace

SecretBlock take_secret_block(std::size_t size) {
  CHECK_INVARIANT(size < kLongestSecret);
  const bool small = size <= kSlotBytes;
  if (std::uint8_t* const data = small ? arena().take() : take_pages(size))
    return {data, small ? SecretPlace::kSlot : SecretPlace::kPages};
  unlocked_blocks.fetch_add(1, std::memory_order_relaxed);
  return {new std::uint8_t[size > 0 ? size : 1](), SecretPlace::kHeap};
}

void give_secret_block(SecretBlock block, std::size_t size) noexcept {
  if (block.data == nullptr) return;
  switch (block.place) {
    case SecretPlace::kSlot:
      return arena().give(block.data);
    case SecretPlace::kPages:
      sodium_memzero(block.data, size);
      return give_pages(block.data, size);
    case SecretPlace::kHeap:
      sodium_memzero(block.data, size);
      delete[] block.data;
  }
}

LockedMemory locked_memory() {
  LockedMemory out;
  arena().fill(out);
  out.unlocked = unlocked_blocks.load(std::memory_order_relaxed);
  return out;
}

void forbid_core_dumps() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace tocsin
