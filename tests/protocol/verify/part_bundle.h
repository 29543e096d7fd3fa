#pragma once
// Bundles of a part of a hand-made ledger: what a correct node packs for a scope, and what a test then takes
// out or changes.

#include <map>
#include <set>

#include "crypto/base/encoding.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/index_proof.h"
#include "tests/protocol/verify/audit_fixture.h"

namespace tocsin::test {

// The openings of a ledger, each as it stands in the file, by index.
inline std::map<std::uint64_t, Bytes> openings_of(const LedgerBuilder& builder) {
  std::map<std::uint64_t, Bytes> out;
  const std::string file = builder.files().at("openings");
  std::uint64_t index = 0;
  for (std::size_t at = 0; at < file.size(); ++index) {
    const std::size_t length = 4 + get_be<std::uint32_t>(as_view(file).data() + at);
    out[index] = to_bytes(as_view(file).subspan(at, length));
    at += length;
  }
  return out;
}

inline std::vector<protocol::IndexEntry> index_of(const LedgerBuilder& builder, std::uint64_t size) {
  std::map<Hash, protocol::IndexEntry> heads;
  auto& records = const_cast<LedgerBuilder&>(builder).records();
  for (std::uint64_t i = 0; i < size; ++i)
    heads[records[i].leaf.chain] = {records[i].leaf.chain, records[i].leaf.chain_seq, i, builder.hash_of(i)};
  std::vector<protocol::IndexEntry> out;
  for (const auto& [chain, entry] : heads) out.push_back(entry);
  return out;
}

// Appends an INDEX_EPOCH over what there is.
inline std::uint64_t append_index(LedgerBuilder& builder) {
  const std::uint64_t size = builder.records().size();
  const auto entries = index_of(builder, size);
  protocol::IndexTree tree;
  for (const auto& entry : entries) tree.add(entry);
  using protocol::SlotType;
  return builder.append(protocol::Event::kIndexEpoch, node_chain(builder.node()),
                        {protocol::slot_bytes(0, SlotType::kHash, tree.root()),
                         protocol::slot_number(1, SlotType::kUint, tree.size()),
                         protocol::slot_number(2, SlotType::kUint, size)});
}

struct PartBundle {
  LedgerBuilder& builder;
  protocol::Scope scope;
  std::set<std::uint64_t> opened;
  std::set<std::uint64_t> proved = {};             // records with a proof of their own
  std::map<std::string, std::string> extras = {};  // more files
  std::function<void(BundleFiles&)> edit = nullptr;

  void open_scope() {
    for (std::uint64_t i = 0; i < builder.records().size(); ++i)
      if (scope.covers(i, builder.records()[i].leaf)) opened.insert(i);
  }
  void prove_chain(std::uint64_t epoch, std::uint64_t size, const Hash& chain) {
    extras["index/" + protocol::name_number(epoch) + "/" + hex_encode(chain)] =
        protocol::format_index_proof(protocol::prove_in_index(index_of(builder, size), chain));
  }

  Bytes pack() const {
    protocol::BundleContents contents;
    contents.origin = builder.node().origin;
    contents.policy = policy_text(builder.node());
    contents.size = builder.records().size();
    contents.checkpoint = builder.checkpoint(builder.records().size());
    contents.scope = scope;
    contents.extras = extras;
    protocol::TileWriter writer;
    for (std::size_t i = 0; i < contents.size; ++i) {
      const Hash hash = builder.hash_of(i);
      writer.append({&hash, 1});
    }
    std::map<std::pair<unsigned, std::uint64_t>, Bytes> tiles;
    for (auto& tile : writer.take_changed()) tiles[{tile.level, tile.index}] = std::move(tile.hashes);
    contents.tiles = [&](const protocol::TileId& id) -> Result<Bytes> {
      return tiles.at({id.level, id.index});
    };
    contents.leaves = [&](std::uint64_t begin, std::uint64_t end) -> Result<Bytes> {
      Bytes out;
      for (std::uint64_t i = begin; i < end; ++i)
        append(out, protocol::encode_leaf(builder.records()[i].leaf));
      return out;
    };
    const auto all = openings_of(builder);
    contents.openings = [&](const protocol::ByteSink& sink) -> Status {
      for (const std::uint64_t index : opened) TRY(sink(all.at(index)));
      return {};
    };
    for (const std::uint64_t index : proved) contents.extras.insert(*protocol::proof_file(contents, index));
    Bytes out;
    REQUIRE(protocol::write_bundle(contents, builder.node().operational, [&](ByteView bytes) -> Status {
      append(out, bytes);
      return {};
    }));
    if (!edit) return out;
    BundleFiles files;
    const auto packed = protocol::read_tar(out);
    REQUIRE(packed);
    for (const auto& file : *packed)
      if (!file.name.starts_with("manifest")) files[std::string(file.name)] = to_string(file.content);
    edit(files);
    return builder.pack(files);
  }
};

}  // namespace tocsin::test
