#include "storage/index/pdq_index.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "storage/index/pdq_scan.h"

namespace tocsin::storage {
namespace {

constexpr std::uint32_t kBlockEntries =
    1024;  // 32 KiB of hashes: one L1 cache, so many queries can share a load

using Words = std::array<std::uint64_t, 4>;

Words words_of(const protocol::PdqHash& hash) {
  Words words;
  std::memcpy(words.data(), hash.bytes.data(), sizeof words);
  return words;
}

}  // namespace

struct PdqIndex::Block {
  alignas(64) std::array<std::uint64_t, kBlockEntries * 4> hashes;
  std::array<std::atomic<bool>, kBlockEntries> removed;
  Block() {
    for (auto& flag : removed) flag.store(false, std::memory_order_relaxed);
  }
};

PdqIndex::PdqIndex() {
  blocks_.store(std::make_shared<const Blocks>());
}
PdqIndex::~PdqIndex() = default;

std::uint32_t PdqIndex::insert(const protocol::PdqHash& hash) {
  const std::uint32_t entry = size_.load(std::memory_order_relaxed);
  std::shared_ptr<const Blocks> blocks = blocks_.load();
  if (entry / kBlockEntries == blocks->size()) {
    auto grown = std::make_shared<Blocks>(*blocks);
    grown->push_back(std::make_shared<Block>());
    blocks = grown;
    blocks_.store(blocks);
  }
  const Words words = words_of(hash);
  std::memcpy(&(*blocks)[entry / kBlockEntries]->hashes[entry % kBlockEntries * 4], words.data(),
              sizeof words);
  size_.store(entry + 1, std::memory_order_release);
  return entry;
}

void PdqIndex::remove(std::uint32_t entry) {
  CHECK_INVARIANT(entry < size_.load(std::memory_order_relaxed));
  (*blocks_.load())[entry / kBlockEntries]->removed[entry % kBlockEntries].store(true);
}

PdqIndex::Snapshot PdqIndex::open() const {
  Snapshot snapshot;
  // The size first: the list read after it covers at least that many entries.
  snapshot.size_ = size_.load(std::memory_order_acquire);
  snapshot.blocks_ = blocks_.load();
  return snapshot;
}

std::vector<PdqMatch> PdqIndex::Snapshot::search(const protocol::PdqHash& query, unsigned radius) const {
  return std::move(search_many({&query, 1}, radius).front());
}

std::vector<std::vector<PdqMatch>> PdqIndex::Snapshot::search_many(std::span<const protocol::PdqHash> queries,
                                                                   unsigned radius) const {
  CHECK_INVARIANT(radius <= kPdqRadiusMax);
  const PdqScan scan = best_pdq_kernel().scan;
  std::vector<Words> wanted(queries.size());
  std::transform(queries.begin(), queries.end(), wanted.begin(), words_of);
  std::vector<std::vector<PdqMatch>> found(queries.size());
  // One more than a block: the branch-free kernels write one place past the last hit.
  std::array<ScanHit, kBlockEntries + 1> hits;
  for (std::uint32_t first = 0; first < size_; first += kBlockEntries) {
    const Block& block = *(*blocks_)[first / kBlockEntries];
    const std::size_t count = std::min(kBlockEntries, size_ - first);
    for (std::size_t q = 0; q < wanted.size(); ++q) {
      const std::size_t n = scan(block.hashes.data(), count, wanted[q].data(), radius, hits.data());
      for (std::size_t i = 0; i < n; ++i)
        if (!block.removed[hits[i].position].load())
          found[q].push_back({first + hits[i].position, hits[i].distance});
    }
  }
  return found;
}

}  // namespace tocsin::storage
