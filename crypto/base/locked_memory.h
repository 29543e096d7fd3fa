#pragma once
// Memory for secrets: never swapped, never in a core file, fenced by pages that nobody may touch.
//
// Short secrets (keys) lie in slots of one arena of the process, since a lock a key would cost two system
// calls and thousands of record keys pass every second; longer ones get pages of their own. The arena is made
// as it is needed, up to kArenaBytesMax, and never given back. Guarantee: a block is zero when taken and is
// wiped before anybody else gets it. A small RLIMIT_MEMLOCK degrades, it does not fail: where nothing more
// can be locked, blocks are ordinary heap memory, still wiped, and counted in locked_memory().unlocked.
// Concurrency: any thread. Source: mlock(2), madvise(2) MADV_DONTDUMP; libsodium "Securing memory".

#include <cstddef>
#include <cstdint>

namespace tocsin {

inline constexpr std::size_t kSlotBytes = 64;           // an Ed25519 secret key; most secrets are 32
inline constexpr std::size_t kArenaBytesMax = 2 << 20;  // 32,768 slots: the keys of a whole commit at once

enum class SecretPlace : std::uint8_t { kSlot, kPages, kHeap };

struct SecretBlock {
  std::uint8_t* data = nullptr;
  SecretPlace place = SecretPlace::kHeap;
};

SecretBlock take_secret_block(std::size_t size);
// `size` as it was taken.
void give_secret_block(SecretBlock block, std::size_t size) noexcept;

struct LockedMemory {
  std::size_t arena_bytes = 0;  // locked for slots
  std::size_t slots_taken = 0;
  std::uint64_t unlocked = 0;  // blocks that could not be locked, since the process started
};
LockedMemory locked_memory();

// No core file of this process, and no other process of the same user attaches to it.
void forbid_core_dumps();

}  // namespace tocsin
