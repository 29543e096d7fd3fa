#include "protocol/feed/page.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "crypto/hash.h"

namespace tocsin::protocol {
namespace {

using ChainMap = std::unordered_map<Hash, ChainHead, HashOfHash>;

Result<Proof> parse_proof(const google::protobuf::RepeatedPtrField<std::string>& hashes) {
  constexpr int kProofHashesMax = 128;  // two for each bit of a size
  if (hashes.size() > kProofHashesMax)
    return fail(Code::kInvalidArgument, "a proof is too long", "feed/shape");
  Proof proof;
  for (const std::string& hash : hashes) {
    TRY_ASSIGN(proof.emplace_back(), fixed<32>(as_view(hash), "a proof's hash"));
  }
  return proof;
}

Error renamed(Error error, std::string_view rule) {
  error.rule = rule;
  return error;
}

Status parse_leaves(const FeedPosition& position, const v1::RecordsReply& reply, VerifiedPage& page) {
  if (reply.from() != position.range.size())
    return fail(Code::kDataLoss,
                "asked for records from " + std::to_string(position.range.size()) + ", got records from " +
                    std::to_string(reply.from()),
                "feed/skipped");
  const ByteView bytes = as_view(reply.leaves());
  if (bytes.size() % kLeafBytes != 0 || bytes.size() / kLeafBytes > kLeavesPerPageMax)
    return fail(Code::kInvalidArgument, "the leaves of a page are not whole", "feed/shape");
  page.from = reply.from();
  page.leaves.reserve(bytes.size() / kLeafBytes);
  for (std::size_t at = 0; at < bytes.size(); at += kLeafBytes) {
    auto leaf = parse_leaf(bytes.subspan(at, kLeafBytes));
    if (!leaf) return fail(renamed(std::move(leaf).error(), "feed/shape"));
    page.leaves.push_back(*leaf);
  }
  page.leaf_hashes.resize(page.leaves.size());
  if (!bytes.empty()) crypto::leaf_hashes(bytes, kLeafBytes, page.leaf_hashes);
  return {};
}

Status check_root(const VerifiedPage& page, const v1::RecordsReply& reply, const TreeHead& head) {
  const TreeHead reached{page.position.range.size(), page.position.range.root()};
  if (reached.size > head.size)
    return fail(Code::kDataLoss, "a page goes beyond the checkpoint that came with it", "feed/altered");
  TRY_ASSIGN(const Proof proof, parse_proof(reply.to_checkpoint()));
  if (reached.size == 0) return {};
  if (auto ok = verify_consistency(reached, head, proof); !ok)
    return fail(Code::kDataLoss,
                "records " + std::to_string(page.from) + " to " + std::to_string(reached.size) +
                    " are not those of the signed checkpoint of size " + std::to_string(head.size) + ": " +
                    ok.error().message,
                "feed/altered");
  return {};
}

Status check_head(const FeedPosition& position, const v1::RecordsReply& reply, const TreeHead& head) {
  if (!position.known || position.known->size == 0) return {};
  if (head.size < position.known->size)
    return fail(Code::kDataLoss,
                "a checkpoint of size " + std::to_string(head.size) + " after one of size " +
                    std::to_string(position.known->size),
                "feed/rollback");
  TRY_ASSIGN(const Proof proof, parse_proof(reply.from_known()));
  if (auto ok = verify_consistency(*position.known, head, proof); !ok)
    return fail(Code::kDataLoss,
                "the checkpoint of size " + std::to_string(head.size) + " does not extend the one of size " +
                    std::to_string(position.known->size) + " seen before: " + ok.error().message,
                "feed/fork");
  return {};
}

Status follow_chains(const FeedPosition& position, const ChainHeads& chain_heads, VerifiedPage& page) {
  ChainMap heads;
  std::uint64_t time = position.last_time_ms;
  for (std::size_t i = 0; i < page.leaves.size(); ++i) {
    const Leaf& leaf = page.leaves[i];
    const std::uint64_t index = page.from + i;
    if (leaf.time_ms < time)
      return fail(Code::kDataLoss, "record " + std::to_string(index) + " is dated before the one ahead of it",
                  "feed/time");
    time = leaf.time_ms;
    std::optional<ChainHead> last;
    if (const auto found = heads.find(leaf.chain); found != heads.end()) {
      last = found->second;
    } else {
      TRY_ASSIGN(last, chain_heads(leaf.chain));
    }
    const bool follows = last ? leaf.chain_seq == last->seq + 1 && leaf.previous == last->leaf_hash &&
                                    leaf.previous_index == last->index
                              : leaf.chain_seq == 0;
    if (!follows)
      return fail(Code::kDataLoss,
                  "record " + std::to_string(index) + " does not follow the last of its chain", "feed/chain");
    heads[leaf.chain] = {leaf.chain_seq, index, page.leaf_hashes[i]};
  }
  page.position.last_time_ms = time;
  page.chain_heads.assign(heads.begin(), heads.end());
  return {};
}

Result<TreeHead> signed_head(std::string_view note, std::span<const VerifierKey> keys) {
  auto opened = open_checkpoint(note, keys);
#if TOCSIN_PLANTED_FAULT == 2  // a reader that believes unsigned heads: the simulation must find it
  if (!opened) {
    TRY_ASSIGN(const Note unsigned_note, parse_note(note));
    TRY_ASSIGN(const Checkpoint claimed, parse_checkpoint(unsigned_note.text));
    return claimed.tree;
  }
#endif
  if (!opened) return fail(renamed(std::move(opened).error(), "feed/signature"));
  return opened->checkpoint.tree;
}

}  // namespace

Result<VerifiedPage> verify_page(const FeedPosition& position, const v1::RecordsReply& reply,
                                 std::span<const VerifierKey> keys, const ChainHeads& chain_heads) {
  VerifiedPage page;
  page.position = position;
  TRY(parse_leaves(position, reply, page));
  TRY_ASSIGN(const TreeHead head, signed_head(reply.checkpoint(), keys));
  TRY(check_head(position, reply, head));
  page.position.range.append(page.leaf_hashes);
  TRY(check_root(page, reply, head));
  if (page.leaves.empty() && head.size > page.from)
    return fail(Code::kDataLoss,
                "the ledger has " + std::to_string(head.size) + " records, but none came after " +
                    std::to_string(page.from),
                "feed/withheld");
  TRY(follow_chains(position, chain_heads, page));
  page.position.known = head;
  page.checkpoint_note = reply.checkpoint();
  return page;
}

Result<std::vector<OpenedRecord>> verify_openings(const VerifiedPage& page, const v1::Openings& openings,
                                                  const HeldLeaves& held) {
  std::vector<OpenedRecord> records;
  records.reserve(static_cast<std::size_t>(openings.openings_size()));
  const std::uint64_t end = page.from + page.leaves.size();
  for (const v1::Opening& opening : openings.openings()) {
    if (opening.index() >= end)
      return fail(Code::kInvalidArgument, "an opening is of a record beyond its page", "feed/shape");
    Leaf leaf;
    if (opening.index() >= page.from) {
      leaf = page.leaves[static_cast<std::size_t>(opening.index() - page.from)];
    } else {
      TRY_ASSIGN(leaf, held(opening.index()));
    }
    TRY_ASSIGN(OpenedRecord record, verify_opening(opening, leaf));
    records.push_back(std::move(record));
  }
  // Ledger order, whatever order they came in; one opening a record.
  std::sort(records.begin(), records.end(),
            [](const OpenedRecord& a, const OpenedRecord& b) { return a.index < b.index; });
  const auto twice = std::adjacent_find(records.begin(), records.end(),
                                        [](const auto& a, const auto& b) { return a.index == b.index; });
  if (twice != records.end())
    return fail(Code::kInvalidArgument, "record " + std::to_string(twice->index) + " is opened twice",
                "feed/shape");
  return records;
}

Status check_nothing_withheld(std::span<const OpenedRecord> records,
                              const std::function<bool(const Hash& chain)>& opened) {
  std::unordered_set<Hash, HashOfHash> here;
  for (const OpenedRecord& record : records)
    if (record.event.event() == Event::kSubmitted) here.insert(record.leaf.chain);
  for (const OpenedRecord& record : records) {
    if (record.event.event() != Event::kPublished) continue;
    std::vector<Hash> chains = record.event.hashes(kSlotCovers);
    if (chains.empty()) chains.push_back(record.leaf.chain);
    for (const Hash& chain : chains)
      if (!here.contains(chain) && !opened(chain))
        return fail(
            Code::kDataLoss,
            "record " + std::to_string(record.index) + " publishes a signal that was not opened to us",
            "feed/withheld");
  }
  return {};
}

Result<v1::RecordsReply> make_page(const v1::RecordsRequest& request, std::uint64_t to,
                                   const PageSource& source) {
  if (request.from() > source.size || request.known_size() > source.size)
    return fail(Code::kOutOfRange,
                "this ledger has " + std::to_string(source.size) + " records; asked for more than that",
                "feed/ahead");
  CHECK_INVARIANT(to >= request.from() && to <= source.size);
  v1::RecordsReply reply;
  reply.set_from(request.from());
  reply.mutable_leaves()->reserve(static_cast<std::size_t>(to - request.from()) * kLeafBytes);
  for (std::uint64_t i = request.from(); i < to; ++i) {
    TRY_ASSIGN(const LeafBytes leaf, source.leaf(i));
    reply.mutable_leaves()->append(as_text(leaf));
  }
  reply.set_checkpoint(source.checkpoint);
  const auto add_proof = [&](std::uint64_t old_size, auto* field) -> Status {
    if (old_size == 0) return {};
    TRY_ASSIGN(const Proof proof, consistency_proof(old_size, source.size, source.nodes));
    for (const Hash& hash : proof) field->Add(to_string(hash));
    return {};
  };
  TRY(add_proof(to, reply.mutable_to_checkpoint()));
  TRY(add_proof(request.known_size(), reply.mutable_from_known()));
  return reply;
}

}  // namespace tocsin::protocol
