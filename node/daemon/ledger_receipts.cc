// What peers' ledgers say of ours, with proofs: the part of a bundle that our own records cannot forge.
#include <set>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "node/daemon/ledger_export.h"
#include "protocol/log/checkpoint.h"
#include "protocol/log/tlog_proof.h"
#include "protocol/verify/bundle.h"
#include "storage/peer_store.h"
#include "storage/signal_store.h"
#include "tocsin/v1/admin.pb.h"
#include "tocsin/v1/record.pb.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {
namespace {

constexpr std::size_t kCasesAtOnce = 1000;
constexpr std::uint64_t kLeavesAtOnce = 4096;
constexpr std::size_t kReceiptsMax = 10'000;  // a bundle is kept to a size that a person can carry

using Places = std::map<Hash, std::set<std::uint64_t>>;  // by peer, indices in its ledger

// Every answer to a retraction of ours that we hold.
Status find_answers(const storage::SignalStore& signals, const Hash& self, Places& places) {
  Hash after{};
  bool first = true;
  std::size_t found = 0;
  while (true) {
    TRY_ASSIGN(const auto cases, signals.list({}, first ? nullptr : &after, kCasesAtOnce));
    for (const v1::Case& one : cases) {
      TRY_ASSIGN(after, fixed<32>(as_view(one.signal()), "signal id"));
      if (one.issuer() != to_string(self) || one.origin().retraction_ms() == 0) continue;
      for (const v1::ReceiverState& receiver : one.receivers()) {
        if (receiver.applied_ms() == 0 || found == kReceiptsMax) continue;
        TRY_ASSIGN(const Hash node, fixed<32>(as_view(receiver.node()), "a peer's fingerprint"));
        found += places[node].insert(receiver.applied_index()).second ? 1 : 0;
      }
    }
    first = false;
    if (cases.size() < kCasesAtOnce) return {};
  }
}

// The leaf hashes of a peer's tree, when we hold all of it.
Result<std::vector<Hash>> leaf_hashes_of(const storage::PeerStore& peers, const Hash& peer,
                                         std::uint64_t size) {
  std::vector<Hash> out;
  while (out.size() < size) {
    TRY_ASSIGN(const Bytes leaves,
               peers.leaves(peer, out.size(), std::min(kLeavesAtOnce, size - out.size())));
    if (leaves.empty()) break;
    const std::size_t held = out.size();
    out.resize(held + leaves.size() / protocol::kLeafBytes);
    crypto::leaf_hashes(leaves, protocol::kLeafBytes, std::span(out).subspan(held));
  }
  return out;
}

}  // namespace

Status LedgerExport::add_receipts(const Plan&, protocol::BundleContents& contents) const {
  Places places;
  TRY(find_answers(storage::SignalStore(parts_.store), parts_.ledger.self(), places));
  const storage::PeerStore peers(parts_.store);
  for (const auto& [peer, indices] : places) {
    TRY_ASSIGN(const v1::PeerCursor cursor, peers.cursor(peer));
    const auto note = protocol::parse_note(cursor.checkpoint());
    const auto checkpoint = note ? protocol::parse_checkpoint(note->text)
                                 : Result<protocol::Checkpoint>(tl::unexpected<Error>(note.error()));
    if (!checkpoint) continue;
    const std::uint64_t size = checkpoint->tree.size;
    TRY_ASSIGN(const std::vector<Hash> hashes, leaf_hashes_of(peers, peer, size));
    if (hashes.size() != size) continue;  // not yet pulled up to its checkpoint
    const protocol::NodeSource nodes = [&](unsigned level, std::uint64_t index) -> Result<Hash> {
      return protocol::complete_root(
          std::span(hashes).subspan(static_cast<std::size_t>(index << level), std::size_t{1} << level));
    };
    for (const std::uint64_t index : indices) {
      TRY_ASSIGN(const auto leaf, peers.leaf(peer, index));
      TRY_ASSIGN(const auto opening, peers.opening(peer, index));
      if (index >= size || !leaf || !opening) continue;
      protocol::TlogProof proof{to_bytes(*leaf), index, {}, cursor.checkpoint()};
      TRY_ASSIGN(proof.proof, protocol::inclusion_proof(index, size, nodes));
      const std::string stem =
          std::string(protocol::kReceiptsFolder) + hex_encode(peer) + "/" + protocol::name_number(index);
      contents.extras[stem + std::string(protocol::kReceiptProofSuffix)] = protocol::format_tlog_proof(proof);
      contents.extras[stem + std::string(protocol::kReceiptOpeningSuffix)] = opening->SerializeAsString();
    }
  }
  return {};
}

}  // namespace tocsin::node
