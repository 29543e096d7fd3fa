// What one record and one proof of the ledger cost, in one thread. Figures compare only within one run.

#include <map>
#include <string>

#include <benchmark/benchmark.h>

#include "protocol/log/checkpoint.h"
#include "protocol/log/leaf.h"
#include "protocol/log/slots.h"
#include "protocol/log/tile.h"

namespace tocsin::protocol {
namespace {

std::vector<Hash> made_leaves(std::size_t count) {
  std::vector<Hash> leaves(count);
  for (std::size_t i = 0; i < count; ++i) leaves[i] = leaf_hash(as_view("leaf " + std::to_string(i)));
  return leaves;
}

void class_root_of(benchmark::State& state) {
  std::vector<SlotValue> values;
  for (std::uint8_t slot = 0; slot < state.range(0); ++slot) values.push_back({slot, 1, Bytes(40, slot)});
  Hash key{};
  for (auto _ : state) {
    ++key[0];
    benchmark::DoNotOptimize(class_root(SlotClass::kAccountability, key, values));
  }
}
BENCHMARK(class_root_of)->ArgName("filled")->Arg(0)->Arg(6)->Arg(16);

void verify_one_slot(benchmark::State& state) {
  const Hash key{};
  const std::vector<SlotValue> values = {{2, 1, Bytes(40)}};
  const Hash root = body_root(*class_root(SlotClass::kAccountability, key, values), key);
  const SlotOpening opening = *open_slot(2, key, values, key);
  for (auto _ : state) benchmark::DoNotOptimize(verify_slot(opening, root));
}
BENCHMARK(verify_one_slot);

void leaf_to_hash(benchmark::State& state) {
  Leaf leaf;
  for (auto _ : state) {
    ++leaf.time_ms;
    const LeafBytes bytes = encode_leaf(leaf);
    benchmark::DoNotOptimize(parse_leaf(bytes));
    benchmark::DoNotOptimize(leaf_hash(bytes));
  }
}
BENCHMARK(leaf_to_hash);

void range_append(benchmark::State& state) {
  const auto leaves = made_leaves(static_cast<std::size_t>(state.range(0)));
  CompactRange range;
  for (auto _ : state) range.append(leaves);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(range_append)->ArgName("batch")->Arg(1)->Arg(512)->Arg(4096);

void tiles_append(benchmark::State& state) {
  const auto leaves = made_leaves(static_cast<std::size_t>(state.range(0)));
  TileWriter writer;
  for (auto _ : state) {
    writer.append(leaves);
    benchmark::DoNotOptimize(writer.take_changed());
    benchmark::DoNotOptimize(writer.range().root());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(tiles_append)->ArgName("batch")->Arg(1)->Arg(512)->Arg(4096);

// 100,000 leaves, stored as tiles.
struct Tree {
  static constexpr std::uint64_t kSize = 100000;
  std::vector<Hash> leaves = made_leaves(kSize);
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> stored;
  Hash root{};

  Tree() {
    TileWriter writer;
    writer.append(leaves);
    for (TileValue& value : writer.take_changed())
      stored[{value.level, value.index}] = std::move(value.hashes);
    root = writer.range().root();
  }
  TileSource source() const {
    return [this](const TileId& tile) -> Result<Bytes> { return stored.at({tile.level, tile.index}); };
  }
};

const Tree& tree() {
  static const Tree kTree;
  return kTree;
}

void inclusion_from_held_tiles(benchmark::State& state) {
  TileNodes tiles(Tree::kSize, tree().source());
  const NodeSource nodes = tiles.nodes();
  std::uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(inclusion_proof(index++ % 256, Tree::kSize, nodes));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(inclusion_from_held_tiles);

void inclusion_from_stored_tiles(benchmark::State& state) {
  std::uint64_t index = 0;
  for (auto _ : state) {
    TileNodes tiles(Tree::kSize, tree().source());
    benchmark::DoNotOptimize(
        inclusion_proof(index = (index + 7919) % Tree::kSize, Tree::kSize, tiles.nodes()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(inclusion_from_stored_tiles);

void inclusion_verify(benchmark::State& state) {
  TileNodes tiles(Tree::kSize, tree().source());
  const Proof proof = *inclusion_proof(4711, Tree::kSize, tiles.nodes());
  for (auto _ : state)
    benchmark::DoNotOptimize(verify_inclusion(tree().leaves[4711], 4711, Tree::kSize, proof, tree().root));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(inclusion_verify);

void consistency_verify(benchmark::State& state) {
  TileNodes tiles(Tree::kSize, tree().source());
  const Proof proof = *consistency_proof(4711, Tree::kSize, tiles.nodes());
  const TreeHead older{4711, tree_root(std::span(tree().leaves).first(4711))};
  for (auto _ : state) benchmark::DoNotOptimize(verify_consistency(older, {Tree::kSize, tree().root}, proof));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(consistency_verify);

void checkpoint_open(benchmark::State& state) {
  const auto key = crypto::SigningKey::from_seed(Secret<32>(Hash{}));
  const Checkpoint checkpoint{"video.example/ledger", {Tree::kSize, tree().root}};
  const std::string note = sign_checkpoint(key, checkpoint);
  const std::vector<VerifierKey> keys = {
      *make_verifier_key(checkpoint.origin, KeyType::kEd25519, key.public_key())};
  for (auto _ : state) benchmark::DoNotOptimize(open_checkpoint(note, keys));
}
BENCHMARK(checkpoint_open);

}  // namespace
}  // namespace tocsin::protocol

BENCHMARK_MAIN();
