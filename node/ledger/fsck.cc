#include "node/ledger/fsck.h"

#include <algorithm>

#include "node/ledger/record_seal.h"
#include "protocol/identity/descriptor.h"
#include "protocol/log/checkpoint.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

// Leaves read at once; also what one step looks at before it asks whether that was enough.
constexpr std::uint64_t kSlice = 4096;
constexpr std::size_t kCheckpointsAtOnce = 4096;

std::string record(std::uint64_t index) {
  return "record " + std::to_string(index);
}

}  // namespace

Fsck::Fsck(Input input) : in_(std::move(input)), log_(in_.store), peer_store_(in_.store) {}

void Fsck::finding(std::string text) {
  ++report_.problems;
  if (report_.findings.size() < kFsckFindingsMax) report_.findings.push_back(std::move(text));
}

Status Fsck::step(std::uint64_t records) {
  while (!done_ && records != 0) {
    const std::uint64_t slice = std::min(records, kSlice);
    if (range_.size() < in_.size) {
      TRY(own(range_.size(), std::min(in_.size, range_.size() + slice)));
    } else if (!peers_begun_) {
      TRY(begin_peers());
    } else {
      TRY(peers(slice));
    }
    records -= slice;
  }
  return {};
}

// A slice that cannot be read ends the walk: nothing behind it could be judged.
Status Fsck::own(std::uint64_t from, std::uint64_t to) {
  const auto leaves = log_.leaves(from, to - from);
  if (!leaves) {
    finding("the records from " + std::to_string(from) + " on cannot be read: " + leaves.error().message);
    done_ = true;
    return {};
  }
  std::vector<Hash> hashes(to - from);
  crypto::leaf_hashes(*leaves, protocol::kLeafBytes, hashes);
  for (std::uint64_t i = from; i < to; ++i)
    check_leaf(i, ByteView(*leaves).subspan((i - from) * protocol::kLeafBytes, protocol::kLeafBytes));
  check_bottom_tile(from, hashes);
  TRY_ASSIGN(const auto checkpoints, log_.checkpoints(from + 1, kCheckpointsAtOnce));
  const auto sink = [this](unsigned level, std::uint64_t index, const Hash& hash) {
    check_upper_hash(level / protocol::kTileHeight, index, hash);
  };
  std::uint64_t at = from;
  for (const auto& checkpoint : checkpoints) {
    if (checkpoint.size > to) break;
    range_.append(std::span(hashes).subspan(at - from, checkpoint.size - at), sink);
    at = checkpoint.size;
    check_checkpoint(checkpoint.size, checkpoint.note, range_.root());
  }
  range_.append(std::span(hashes).subspan(at - from), sink);
  report_.records = to;
  return check_bodies(from, to);
}

void Fsck::check_leaf(std::uint64_t index, ByteView bytes) {
  const auto leaf = protocol::parse_leaf(bytes);
  if (!leaf) return finding(record(index) + " does not parse: " + leaf.error().message);
  if (leaf->time_ms < last_time_ms_) finding(record(index) + " is older than the one before it");
  last_time_ms_ = leaf->time_ms;
  check_chain(index, *leaf);
}

void Fsck::check_chain(std::uint64_t index, const protocol::Leaf& leaf) {
  if (leaf.previous_index == protocol::kNoPrevious) return;
  if (leaf.previous_index >= index) return finding(record(index) + " follows a later one in its chain");
  const auto bytes = log_.leaf(leaf.previous_index);
  if (!bytes) return finding(record(leaf.previous_index) + " cannot be read");
  const auto previous = protocol::parse_leaf(*bytes);
  if (!previous || previous->chain != leaf.chain || previous->chain_seq + 1 != leaf.chain_seq ||
      protocol::leaf_hash(*bytes) != leaf.previous)
    finding(record(index) + " does not follow the record that its chain names");
}

void Fsck::check_bottom_tile(std::uint64_t index, std::span<const Hash> hashes) {
  while (!hashes.empty()) {
    const auto offset = static_cast<unsigned>(index % protocol::kTileWidth);
    const auto count =
        static_cast<unsigned>(std::min<std::size_t>(hashes.size(), protocol::kTileWidth - offset));
    const std::uint64_t number = index / protocol::kTileWidth;
    const auto tile = log_.tile({0, number, offset + count});
    if (!tile) {
      finding("tile 0/" + std::to_string(number) + " cannot be read: " + tile.error().message);
    } else {
      if (offset == 0) ++report_.tiles;
      for (unsigned i = 0; i < count; ++i)
        if (!equal(hashes[i], ByteView(*tile).subspan((offset + i) * sizeof(Hash), sizeof(Hash))))
          finding(record(index + i) + " is not the one in the tree");
    }
    index += count;
    hashes = hashes.subspan(count);
  }
}

// A hash of tile level `level`: the root of the full tile `index` one level below.
void Fsck::check_upper_hash(unsigned level, std::uint64_t index, const Hash& hash) {
  const auto offset = static_cast<unsigned>(index % protocol::kTileWidth);
  const std::string name =
      "tile " + std::to_string(level) + "/" + std::to_string(index / protocol::kTileWidth);
  const auto tile = log_.tile({level, index / protocol::kTileWidth, offset + 1});
  if (!tile) return finding(name + " cannot be read: " + tile.error().message);
  if (offset == 0) ++report_.tiles;
  if (!equal(hash, ByteView(*tile).subspan(offset * sizeof(Hash), sizeof(Hash))))
    finding(name + " does not hold the hashes below it");
}

void Fsck::check_checkpoint(std::uint64_t size, std::string_view note, const Hash& root) {
  ++report_.checkpoints;
  const std::string name = "the checkpoint at " + std::to_string(size);
  const auto opened = protocol::open_checkpoint(note, in_.log_keys);
  if (!opened) return finding(name + " is not signed by this log: " + opened.error().message);
  if (opened->checkpoint.origin != in_.origin || opened->checkpoint.tree.size != size)
    return finding(name + " is of another log or size");
  if (opened->checkpoint.tree.root != root) finding(name + " is not the root of the records stored");
}

Status Fsck::check_bodies(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t i = from; i < to; ++i) {
    if (in_.open_body == nullptr) {
      if (const auto body = log_.sealed(i); !body) finding("the body of " + record(i) + " cannot be read");
      continue;
    }
    const Status opened = in_.open_body(i);
    if (opened) {
      ++report_.bodies;
    } else if (opened.error().rule == kLostRule) {
      ++report_.lost;
    } else {
      finding("the body of " + record(i) + " does not open: " + opened.error().message);
    }
  }
  return {};
}

Status Fsck::begin_peers() {
  peers_begun_ = true;
  TRY_ASSIGN(const auto rows, peer_store_.list());
  for (const v1::PeerRow& row : rows) {
    PeerWalk walk;
    const auto descriptor = protocol::parse_descriptor(row.signed_descriptor());
    walk.name = descriptor ? descriptor->name() : "a peer whose descriptor does not parse";
    const auto peer = fixed<32>(as_view(row.node()), "peer");
    if (!peer) {
      finding("a peer's row has no fingerprint");
      continue;
    }
    walk.peer = *peer;
    TRY_ASSIGN(const v1::PeerCursor cursor, peer_store_.cursor(walk.peer));
    if (cursor.range().empty()) continue;
    auto held = protocol::CompactRange::parse(as_view(cursor.range()));
    if (!held) {
      finding("how far we hold " + walk.name + "'s ledger does not parse");
      continue;
    }
    walk.held = std::move(*held);
    walks_.push_back(std::move(walk));
  }
  done_ = walks_.empty();
  return {};
}

Status Fsck::peers(std::uint64_t records) {
  PeerWalk& walk = walks_.back();
  const std::uint64_t from = walk.range.size();
  const std::uint64_t count = std::min(records, walk.held.size() - from);
  TRY_ASSIGN(const Bytes leaves, peer_store_.leaves(walk.peer, from, count));
  std::vector<Hash> hashes(leaves.size() / protocol::kLeafBytes);
  crypto::leaf_hashes(leaves, protocol::kLeafBytes, hashes);
  walk.range.append(hashes);
  report_.peer_records += hashes.size();
  const bool cut = hashes.size() < count;
  if (cut) {
    finding("record " + std::to_string(from + hashes.size()) + " of " + walk.name + "'s ledger is missing");
  } else if (walk.range.size() < walk.held.size()) {
    return {};
  } else if (walk.range != walk.held) {
    finding("the records held of " + walk.name + "'s ledger are not those that were verified");
  }
  walks_.pop_back();
  done_ = walks_.empty();
  return {};
}

}  // namespace tocsin::node
