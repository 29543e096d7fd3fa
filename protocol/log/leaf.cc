#include "protocol/log/leaf.h"

#include "crypto/base/encoding.h"

namespace tocsin::protocol {
namespace {

constexpr std::uint8_t kMagic[4] = {'T', 'O', 'C', '1'};
constexpr const char* kRule = "log/leaf";

constexpr std::size_t kEventAt = 4;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kTimeAt = 8;
constexpr std::size_t kSeqAt = 48;
constexpr std::size_t kPreviousAt = 56;
constexpr std::size_t kBodyAt = 88;
constexpr std::size_t kPreviousIndexAt = 120;

}  // namespace

Status check_leaf(const Leaf& leaf) {
  if ((leaf.flags & ~kLeafFlags) != 0)
    return fail(Code::kInvalidArgument, "a leaf has an unknown flag", kRule);
  const bool no_hash = leaf.previous == Hash{};
  const bool no_index = leaf.previous_index == kNoPrevious;
  if (leaf.chain_seq == 0 && !(no_hash && no_index))
    return fail(Code::kInvalidArgument, "the first record of a chain names a previous one", kRule);
  if (leaf.chain_seq != 0 && (no_hash || no_index))
    return fail(Code::kInvalidArgument, "a later record of a chain does not name the previous one", kRule);
  return {};
}

LeafBytes encode_leaf(const Leaf& leaf) {
  CHECK_INVARIANT(check_leaf(leaf).has_value());
  LeafBytes out;
  std::memcpy(out.data(), kMagic, sizeof kMagic);
  put_be(out.data() + kEventAt, leaf.event);
  put_be(out.data() + kFlagsAt, leaf.flags);
  put_be(out.data() + kTimeAt, leaf.time_ms);
  std::memcpy(out.data() + kLeafChainAt, leaf.chain.data(), sizeof(Hash));
  put_be(out.data() + kSeqAt, leaf.chain_seq);
  std::memcpy(out.data() + kPreviousAt, leaf.previous.data(), sizeof(Hash));
  std::memcpy(out.data() + kBodyAt, leaf.body_root.data(), sizeof(Hash));
  put_be(out.data() + kPreviousIndexAt, leaf.previous_index);
  return out;
}

Result<Leaf> parse_leaf(ByteView bytes) {
  if (bytes.size() != kLeafBytes) return fail(Code::kInvalidArgument, "a leaf is 128 bytes", kRule);
  if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    return fail(Code::kInvalidArgument, "a leaf starts with TOC1", kRule);
  Leaf leaf;
  leaf.event = get_be<std::uint16_t>(bytes.data() + kEventAt);
  leaf.flags = get_be<std::uint16_t>(bytes.data() + kFlagsAt);
  leaf.time_ms = get_be<std::uint64_t>(bytes.data() + kTimeAt);
  std::memcpy(leaf.chain.data(), bytes.data() + kLeafChainAt, sizeof(Hash));
  leaf.chain_seq = get_be<std::uint64_t>(bytes.data() + kSeqAt);
  std::memcpy(leaf.previous.data(), bytes.data() + kPreviousAt, sizeof(Hash));
  std::memcpy(leaf.body_root.data(), bytes.data() + kBodyAt, sizeof(Hash));
  leaf.previous_index = get_be<std::uint64_t>(bytes.data() + kPreviousIndexAt);
  TRY(check_leaf(leaf));
  return leaf;
}

}  // namespace tocsin::protocol
