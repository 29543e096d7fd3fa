#include "protocol/log/tile.h"

#include <map>
#include <random>

#include "tests/protocol/log/reference_tree.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::made_leaves;

using Stored = std::map<std::pair<unsigned, std::uint64_t>, Bytes>;

void store(Stored& stored, TileWriter& writer) {
  for (TileValue& value : writer.take_changed()) {
    Bytes& before = stored[{value.level, value.index}];
    REQUIRE(value.hashes.size() > before.size());
    REQUIRE(equal(ByteView(value.hashes).first(before.size()),
                  before));  // a partial tile is a prefix of the later one
    before = std::move(value.hashes);
  }
}

TileSource source_of(const Stored& stored) {
  return [&stored](const TileId& tile) -> Result<Bytes> {
    const auto found = stored.find({tile.level, tile.index});
    if (found == stored.end()) return fail(Code::kNotFound, "no tile " + tile_path(tile));
    return found->second;
  };
}

TEST_CASE("a tree of 70,000 leaves has the tiles that tlog-tiles says") {
  CHECK(tile_rows(70000) == std::vector<TileRow>{{0, 273, 112}, {1, 1, 17}, {2, 0, 1}});
  CHECK(tile_rows(0).empty());
  CHECK(tile_rows(1) == std::vector<TileRow>{{0, 0, 1}});
  CHECK(tile_rows(256) == std::vector<TileRow>{{0, 1, 0}, {1, 0, 1}});
  CHECK(tile_rows(UINT64_MAX).size() == 8);
  CHECK(tile_width(70000, 0, 272) == 256);
  CHECK(tile_width(70000, 0, 273) == 112);
  CHECK(tile_width(70000, 0, 274) == 0);
  CHECK(tile_width(70000, 1, 1) == 17);
  CHECK(tile_width(70000, 2, 0) == 1);
  CHECK(tile_width(70000, 3, 0) == 0);
  CHECK(tile_width(70000, 63, 0) == 0);
  CHECK(tile_width(256, 0, 1) == 0);
}

TEST_CASE("tile paths are tlog-tiles'") {
  CHECK(tile_path({0, 1234067, 256}) == "tile/0/x001/x234/067");
  CHECK(tile_path({0, 273, 112}) == "tile/0/273.p/112");
  CHECK(tile_path({2, 0, 1}) == "tile/2/000.p/1");
  CHECK(tile_path({1, 1000, 256}) == "tile/1/x001/000");
  CHECK(entries_path(1234067, 256) == "tile/entries/x001/x234/067");
  CHECK(entries_path(5, 3) == "tile/entries/005.p/3");
  for (std::uint64_t index :
       {std::uint64_t{0}, std::uint64_t{999}, std::uint64_t{1000}, std::uint64_t{1234067}, UINT64_MAX}) {
    for (unsigned width : {1U, 255U, 256U}) {
      const auto tile = parse_tile_path(tile_path({63, index, width}));
      REQUIRE(tile);
      CHECK_FALSE(tile->entries);
      CHECK(tile->tile == TileId{63, index, width});
      const auto entries = parse_tile_path(entries_path(index, width));
      REQUIRE(entries);
      CHECK(entries->entries);
      CHECK(entries->tile == TileId{0, index, width});
    }
  }
}

TEST_CASE("a misspelt tile path is refused") {
  for (const char* bad : {"",
                          "tile",
                          "tile/",
                          "tile/0",
                          "tile/0/",
                          "tile//000",
                          "/tile/0/000",
                          "tile/00/000",
                          "tile/64/000",
                          "tile/-1/000",
                          "tile/0/0",
                          "tile/0/00",
                          "tile/0/0000",
                          "tile/0/x000",
                          "tile/0/x000/000",
                          "tile/0/x000/x001/000",
                          "tile/0/001/000",
                          "tile/0/x001/x000",
                          "tile/0/x1/000",
                          "tile/0/x001/",
                          "tile/0/x001//000",
                          "tile/0/000.p",
                          "tile/0/000.p/",
                          "tile/0/000.p/0",
                          "tile/0/000.p/256",
                          "tile/0/000.p/01",
                          "tile/0/000.p/1/",
                          "tile/0/000.p/1.p/1",
                          "tile/0/000/",
                          "tile/0/000?x",
                          "tile/0/X001/000",
                          "tile/0/../000",
                          "tile/Entries/000",
                          "tile/entries",
                          "tile/0/x018/x446/x744/x073/x709/x551/616",
                          "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
                          "tile/0/0\xC2\xB9"
                          "0"})
    CHECK_FALSE(parse_tile_path(bad));
  CHECK(parse_tile_path("tile/0/x018/x446/x744/x073/x709/x551/615"));
}

TEST_CASE("entry bundles give back their entries and nothing else parses") {
  Bytes bundle;
  append_entry(bundle, as_view("one"));
  append_entry(bundle, {});
  append_entry(bundle, Bytes(65535, 7));
  const auto entries = parse_entries(bundle, 3);
  REQUIRE(entries);
  CHECK(to_string((*entries)[0]) == "one");
  CHECK((*entries)[1].empty());
  CHECK((*entries)[2].size() == 65535);
  CHECK_FALSE(parse_entries(bundle, 2));
  CHECK_FALSE(parse_entries(bundle, 4));
  CHECK_FALSE(parse_entries(bundle, 0));
  CHECK_FALSE(parse_entries(bundle, 257));
  for (std::size_t n :
       {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{6}, std::size_t{8}, bundle.size() - 1})
    CHECK_FALSE(parse_entries(ByteView(bundle).first(n), 3));
}

TEST_CASE("tiles written in any batches serve every node and every proof") {
  const auto leaves = made_leaves(70000);
  std::mt19937 random(7);  // fixed: the same cuts in every run
  Stored stored;
  TileWriter writer;
  for (std::size_t at = 0; at < leaves.size();) {
    const std::size_t take = std::min<std::size_t>(random() % 1500, leaves.size() - at);
    writer.append(std::span(leaves).subspan(at, take));
    store(stored, writer);
    at += take;
  }
  CHECK(writer.take_changed().empty());
  CHECK(stored.size() == 274 + 2 + 1);
  for (const TileRow& row : tile_rows(70000)) {
    CHECK(stored.at({row.level, row.full}).size() == row.partial * 32);
    for (std::uint64_t i = 0; i < row.full; ++i) REQUIRE(stored.at({row.level, i}).size() == kTileBytesMax);
  }
  const Hash root = tree_root(leaves);
  CHECK(writer.range().root() == root);

  TileNodes tiles(70000, source_of(stored));
  for (unsigned level = 0; level <= 16; ++level) {
    const std::uint64_t count = 70000 >> level;
    for (std::uint64_t index : {std::uint64_t{0}, count / 3, count - 1}) {
      const auto node = tiles.node(level, index);
      REQUIRE(node);
      const std::size_t width = std::size_t{1} << level;
      REQUIRE(*node == complete_root(std::span(leaves).subspan(index * width, width)));
    }
    CHECK(tiles.node(level, count).error().code == Code::kOutOfRange);
  }
  CHECK_FALSE(tiles.node(64, 0));
  CHECK_FALSE(tiles.node(0, UINT64_MAX));
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t index = random() % 70000;
    const auto proof = inclusion_proof(index, 70000, tiles.nodes());
    REQUIRE(proof);
    REQUIRE(verify_inclusion(leaves[index], index, 70000, *proof, root));
  }
}

TEST_CASE("a stored tree serves every smaller size from the same tiles") {
  const auto leaves = made_leaves(1500);
  Stored stored;
  TileWriter writer;
  writer.append(leaves);
  store(stored, writer);
  const TreeHead newest{1500, tree_root(leaves)};
  TileNodes whole(1500, source_of(stored));
  for (std::size_t n = 1; n <= 1500; n += 37) {
    const TreeHead older{n, tree_root(std::span(leaves).first(n))};
    TileNodes tiles(n, source_of(stored));
    CHECK(restore_range(n, tiles.nodes())->root() == older.root);
    const auto proof = consistency_proof(n, 1500, whole.nodes());
    REQUIRE(proof);
    CHECK(verify_consistency(older, newest, *proof));
  }
}

TEST_CASE("a writer restored at any size writes the same tiles as one that never stopped") {
  const auto leaves = made_leaves(66100);
  Stored expected;
  TileWriter unbroken;
  unbroken.append(leaves);
  store(expected, unbroken);
  for (std::size_t stop : {0, 1, 255, 256, 257, 512, 65535, 65536, 65537, 66000}) {
    Stored stored;
    TileWriter first;
    first.append(std::span(leaves).first(stop));
    store(stored, first);
    auto second = TileWriter::restore(stop, source_of(stored));
    REQUIRE(second);
    CHECK(second->range() == first.range());
    CHECK(second->take_changed().empty());
    second->append(std::span(leaves).subspan(stop));
    store(stored, *second);
    CHECK(stored == expected);
    CHECK(second->range() == unbroken.range());
  }
}

TEST_CASE("a missing or short tile stops the restore and the proof") {
  const auto leaves = made_leaves(600);
  Stored stored;
  TileWriter writer;
  writer.append(leaves);
  store(stored, writer);
  stored[{0, 2}].pop_back();
  CHECK(TileWriter::restore(600, source_of(stored)).error().code == Code::kDataLoss);
  CHECK(TileWriter::restore(599, source_of(stored)));
  stored.erase({0, 2});
  CHECK(TileWriter::restore(600, source_of(stored)).error().code == Code::kNotFound);
  TileNodes tiles(600, source_of(stored));
  CHECK(inclusion_proof(599, 600, tiles.nodes()).error().code == Code::kNotFound);
}

TEST_CASE("a changed byte in a right-edge tile changes the restored root") {
  const auto leaves = made_leaves(600);
  Stored stored;
  TileWriter writer;
  writer.append(leaves);
  store(stored, writer);
  for (const auto& key : {std::pair<unsigned, std::uint64_t>{0, 2}, {1, 0}}) {
    for (std::size_t at = 0; at < stored[key].size(); at += 31) {
      stored[key][at] ^= 1;
      REQUIRE(TileWriter::restore(600, source_of(stored))->range().root() != writer.range().root());
      stored[key][at] ^= 1;
    }
  }
}

}  // namespace
}  // namespace tocsin::protocol
