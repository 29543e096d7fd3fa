#include "protocol/verify/bundle_writer.h"

#include "crypto/hash.h"
#include "protocol/log/leaf.h"
#include "protocol/verify/bundle.h"
#include "tests/protocol/log/note_fixture.h"
#include "tests/support/catch.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kOrigin = "video.example/ledger";

struct Ledger {
  Bytes leaves;
  std::vector<TileValue> tiles;
};

Ledger made_ledger(std::size_t size) {
  Ledger out;
  TileWriter writer;
  for (std::size_t i = 0; i < size; ++i) {
    Leaf leaf;
    leaf.event = 0x0501;
    leaf.time_ms = i;
    leaf.chain[0] = static_cast<std::uint8_t>(i);
    leaf.chain[1] = static_cast<std::uint8_t>(i >> 8);
    const LeafBytes bytes = encode_leaf(leaf);
    append(out.leaves, bytes);
    const Hash hash = leaf_hash(bytes);
    writer.append({&hash, 1});
  }
  out.tiles = writer.take_changed();
  return out;
}

BundleContents contents_of(const Ledger& ledger) {
  BundleContents out;
  out.origin = kOrigin;
  out.policy = "quorum none\n";
  out.checkpoint = "a checkpoint";
  out.size = ledger.leaves.size() / kLeafBytes;
  out.leaves = [&ledger](std::uint64_t begin, std::uint64_t end) -> Result<Bytes> {
    return to_bytes(ByteView(ledger.leaves).subspan(begin * kLeafBytes, (end - begin) * kLeafBytes));
  };
  out.tiles = [&ledger](const TileId& id) -> Result<Bytes> {
    for (const TileValue& tile : ledger.tiles)
      if (tile.level == id.level && tile.index == id.index) return tile.hashes;
    return fail(Code::kNotFound, "no such tile");
  };
  return out;
}

Result<Bytes> packed(const BundleContents& contents) {
  Bytes out;
  TRY(write_bundle(contents, test::made_key(1), [&](ByteView bytes) -> Status {
    append(out, bytes);
    return {};
  }));
  return out;
}

}  // namespace

TEST_CASE("a bundle holds every tile and entry of the tree, and a signed list of its files") {
  const Ledger ledger = made_ledger(600);
  BundleContents contents = contents_of(ledger);
  contents.old_checkpoint = "an older one";
  contents.consistency = {Hash{1}, Hash{2}};
  v1::Opening opening;
  opening.set_index(3);
  Bytes openings;
  append_opening(openings, opening);
  contents.openings = [&](const ByteSink& sink) { return sink(openings); };
  const auto archive = packed(contents);
  REQUIRE(archive);
  CHECK(*packed(contents) == *archive);
  const auto bundle = Bundle::open(std::make_shared<MemorySource>(*archive));
  REQUIRE(bundle);
  std::vector<std::string> names;
  for (const TarEntry& file : bundle->files()) names.push_back(file.name);
  CHECK(names == std::vector<std::string>{"checkpoint", "checkpoint.old", "consistency", "manifest",
                                          "manifest.sig", "openings", "policy", "tile/0/000", "tile/0/001",
                                          "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/000",
                                          "tile/entries/001", "tile/entries/002.p/88"});
  CHECK(bundle->find("tile/entries/002.p/88")->size == 88 * (kLeafBytes + 2));
  CHECK(bundle->find("tile/1/000.p/2")->size == 64);
  CHECK_FALSE(bundle->find("tile/1/001"));
  const auto content = [&](std::string_view name) { return *bundle->read(*bundle->find(name), 1 << 20); };
  CHECK(*parse_consistency(as_text(content("consistency"))) == contents.consistency);

  const auto note = parse_note(as_text(content("manifest")), kManifestBytesMax);
  REQUIRE(note);
  CHECK(verify_note(*note, std::vector{test::log_vkey(1, kOrigin)}));
  const auto manifest = parse_manifest(note->text);
  REQUIRE(manifest);
  CHECK(manifest->origin == kOrigin);
  CHECK(manifest->files.size() == names.size() - 2);
  for (const ManifestLine& line : manifest->files)
    CHECK(crypto::sha256(content(std::string(line.name))) == line.sha256);
}

TEST_CASE("a bundle is not written from a store that lost something") {
  const Ledger ledger = made_ledger(300);
  BundleContents contents = contents_of(ledger);
  contents.tiles = [](const TileId&) -> Result<Bytes> { return Bytes(32); };
  CHECK(packed(contents).error().code == Code::kDataLoss);
  contents = contents_of(ledger);
  contents.leaves = [](std::uint64_t, std::uint64_t) -> Result<Bytes> { return Bytes(128); };
  CHECK(packed(contents).error().code == Code::kDataLoss);
  contents = contents_of(ledger);
  int calls = 0;
  contents.tiles = [&](const TileId& id) -> Result<Bytes> {
    return Bytes(id.width * 32, static_cast<std::uint8_t>(++calls));
  };
  CHECK(packed(contents).error().code == Code::kDataLoss);
}

TEST_CASE("a manifest has one form") {
  const std::string hex(64, 'a');
  const std::string head = std::string(kOrigin) + "\n";
  CHECK(parse_manifest(head));
  CHECK(parse_manifest(head + hex + "  a\n" + hex + "  b\n"));
  CHECK_FALSE(parse_manifest(""));
  CHECK_FALSE(parse_manifest("two words\n"));
  CHECK_FALSE(parse_manifest(head + hex + "  b\n" + hex + "  a\n"));
  CHECK_FALSE(parse_manifest(head + hex + "  a\n" + hex + "  a\n"));
  CHECK_FALSE(parse_manifest(head + hex + " a\n"));
  CHECK_FALSE(parse_manifest(head + hex + "  a"));
  CHECK_FALSE(parse_manifest(head + hex + "  ../a\n"));
  CHECK_FALSE(parse_manifest(head + hex + "  manifest\n"));
  CHECK_FALSE(parse_manifest(head + hex + "  manifest.sig\n"));
  CHECK_FALSE(parse_manifest(head + std::string(64, 'A') + "  a\n"));
  CHECK_FALSE(parse_manifest(head + std::string(62, 'a') + "  a\n"));
}

}  // namespace tocsin::protocol
