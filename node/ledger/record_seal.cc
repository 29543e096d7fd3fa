#include "node/ledger/record_seal.h"

#include <algorithm>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "protocol/identity/ids.h"
#include "protocol/log/slots.h"

namespace tocsin::node {
namespace {

using protocol::SlotClass;
using protocol::SlotValue;

constexpr std::string_view kBodyContext = "tocsin1/body";
constexpr std::string_view kKeyContext = "tocsin1/record-key";
constexpr std::string_view kHeadContext = "tocsin1/head";
constexpr std::uint64_t kFirstEpoch = 1;
constexpr const char* kRule = "ledger/record";

// What a sealed string of a record is bound to.
Bytes bound_to(std::string_view context, SlotClass slot_class, const Hash& body_root) {
  Bytes out = to_bytes(as_view(context));
  out.push_back(static_cast<std::uint8_t>(slot_class));
  append(out, body_root);
  return out;
}

// A class key yields the salts (crypto/salts.h) and nothing else; the body has a key of its own made from it.
Secret<32> derive(const Secret<32>& key, std::string_view context) {
  Hash derived = crypto::blake2b_256(as_view(context), key.expose());
  Secret<32> out(derived);
  wipe(derived);
  return out;
}
Secret<32> body_key(const Secret<32>& class_key) {
  return derive(class_key, kBodyContext);
}

// Everything random that one record needs, drawn at once: each draw is a system call.
struct Drawn {
  // On the stack: locking and unlocking a page for every record costs four more system calls.
  FixedBytes<32 + 32 + 4 * 24> bytes{};
  std::size_t used = 0;

  explicit Drawn(const RecordSealer::FillRandom& random) { random(bytes); }
  Drawn(const Drawn&) = delete;
  Drawn& operator=(const Drawn&) = delete;
  ~Drawn() { wipe(bytes); }
  template <std::size_t N>
  std::span<const std::uint8_t, N> take() {
    CHECK_INVARIANT(used + N <= bytes.size());
    used += N;
    return std::span<const std::uint8_t, N>(bytes.data() + used - N, N);
  }
  crypto::SealNonce nonce() {
    crypto::SealNonce out;
    const auto from = take<24>();
    std::copy(from.begin(), from.end(), out.begin());
    return out;
  }
};

tl::unexpected<Error> damaged(std::uint64_t index, const char* what) {
  return fail(Code::kDataLoss, "record " + std::to_string(index) + ": " + what, kRule);
}

}  // namespace

RecordSealer::RecordSealer(Secret<32> kek, Secret<32> chain_key)
    : kek_(std::move(kek)), head_key_(derive(kek_, kHeadContext)), chain_key_(std::move(chain_key)) {}

storage::LogHead RecordSealer::seal_head(const protocol::TreeHead& tree) const {
  storage::LogHead head{kFirstEpoch, tree.size, tree.root, {}};
  head.seal = crypto::blake2b_256(head.encode(), head_key_.expose());
  return head;
}

bool RecordSealer::is_ours(const storage::LogHead& head) const {
  const storage::LogHead bare{head.epoch, head.size, head.root, {}};
  return equal_secret(crypto::blake2b_256(bare.encode(), head_key_.expose()), head.seal);
}

Hash RecordSealer::chain_of(const Subject& subject) const {
  switch (subject.kind) {
    case Subject::Kind::kSignal:
      return protocol::signal_chain_id(chain_key_, subject.signal);
    case Subject::Kind::kBatch:
      return protocol::batch_chain_id(chain_key_, subject.batch);
    case Subject::Kind::kChain:
      return subject.signal;
    case Subject::Kind::kNode:
      break;
  }
  return protocol::node_chain_id(chain_key_);
}

Bytes RecordSealer::wrap(SlotClass slot_class, const Hash& body_root, const crypto::SealNonce& nonce,
                         ByteView key) const {
  return crypto::seal(kek_, nonce, bound_to(kKeyContext, slot_class, body_root), key);
}

Result<Secret<32>> RecordSealer::unwrap(SlotClass slot_class, const Hash& body_root, ByteView wrapped) const {
  TRY_ASSIGN(const SecretBytes key,
             crypto::open_secret(kek_, bound_to(kKeyContext, slot_class, body_root), wrapped));
  if (key.size() != 32) return fail(Code::kDataLoss, "a stored record key has a wrong length", kRule);
  return Secret<32>(std::span<const std::uint8_t, 32>(key.expose().data(), 32));
}

Result<SealedDraft> RecordSealer::seal(Draft draft, const FillRandom& random) const {
  SealedDraft out;
  TRY_ASSIGN(out.event, protocol::ValidEvent::parse(draft.event, std::move(draft.slots)));
  out.subject = draft.subject;
  out.chain = chain_of(draft.subject);
  Drawn drawn(random);
  const auto fresh_a = drawn.take<32>();
  Secret<32> key_a = draft.key_a ? Secret<32>(*draft.key_a) : Secret<32>(fresh_a);
  const Secret<32> key_p(drawn.take<32>());

  const std::span<const SlotValue> slots = out.event.slots();
  const auto split = std::partition_point(slots.begin(), slots.end(), [](const SlotValue& value) {
    return protocol::class_of(value.slot) == SlotClass::kAccountability;
  });
  const std::span<const SlotValue> slots_a(slots.begin(), split);
  const std::span<const SlotValue> slots_p(split, slots.end());
  TRY_ASSIGN(const Hash root_a, protocol::class_root(SlotClass::kAccountability, key_a.expose(), slots_a));
  TRY_ASSIGN(const Hash root_p, protocol::class_root(SlotClass::kPersonal, key_p.expose(), slots_p));
  out.body_root = protocol::body_root(root_a, root_p);
  out.personal = !slots_p.empty();

  const auto sealed_body = [&](SlotClass slot_class, const Secret<32>& key,
                               std::span<const SlotValue> values) {
    return to_string(crypto::seal(body_key(key), drawn.nonce(),
                                  bound_to(kBodyContext, slot_class, out.body_root),
                                  protocol::pack_slots(values)));
  };
  out.sealed.set_sealed_a(sealed_body(SlotClass::kAccountability, key_a, slots_a));
  out.sealed.set_root_p(to_string(root_p));
  out.key_a = wrap(SlotClass::kAccountability, out.body_root, drawn.nonce(), key_a.expose());
  if (out.personal) {
    out.sealed.set_sealed_p(sealed_body(SlotClass::kPersonal, key_p, slots_p));
    out.key_p = wrap(SlotClass::kPersonal, out.body_root, drawn.nonce(), key_p.expose());
  }
  out.plain_key_a = std::move(key_a);
  for (const Hash& group : draft.audience) out.sealed.add_audience(to_string(group));
  out.sealed.set_members(draft.members);
  return out;
}

Result<RecordSealer::Resealed> RecordSealer::seal_again(const v1::Opening& opening, const Hash& body_root,
                                                        const FillRandom& random) const {
  TRY_ASSIGN(const auto plain, fixed<32>(as_view(opening.key_a()), "a class key"));
  const Secret<32> key(plain);
  crypto::SealNonce body_nonce, key_nonce;
  random(body_nonce);
  random(key_nonce);
  Resealed out;
  out.sealed.set_sealed_a(to_string(
      crypto::seal(body_key(key), body_nonce, bound_to(kBodyContext, SlotClass::kAccountability, body_root),
                   as_view(opening.slots_a()))));
  out.key_a = wrap(SlotClass::kAccountability, body_root, key_nonce, key.expose());
  if (!opening.root_p().empty()) {
    out.sealed.set_root_p(opening.root_p());
    return out;
  }
  TRY_ASSIGN(const auto slots, protocol::unpack_slots(as_view(opening.slots_p())));
  TRY_ASSIGN(const auto key_p, fixed<32>(as_view(opening.key_p()), "a class key"));
  TRY_ASSIGN(const Hash root, protocol::class_root(SlotClass::kPersonal, key_p, slots));
  out.sealed.set_root_p(to_string(root));
  return out;
}

Result<v1::Opening> RecordSealer::open(storage::LogReader& log, std::uint64_t index, bool personal) const {
  TRY_ASSIGN(const auto leaf_bytes, log.leaf(index));
  TRY_ASSIGN(const protocol::Leaf leaf, protocol::parse_leaf(leaf_bytes));
  TRY_ASSIGN(const v1::SealedRecord sealed, log.sealed(index));
  if (sealed.lost())
    return fail(Code::kNotFound,
                "the body of record " + std::to_string(index) + " was lost with an earlier store",
                std::string(kLostRule));
  v1::Opening out;
  out.set_index(index);
  const auto open_class = [&](SlotClass slot_class, const std::string& body, std::string* key_out,
                              std::string* slots_out) -> Status {
    TRY_ASSIGN(const auto wrapped, log.key(index, slot_class));
    if (!wrapped) return damaged(index, "its key is gone");
    TRY_ASSIGN(const Secret<32> key, unwrap(slot_class, leaf.body_root, *wrapped));
    TRY_ASSIGN(
        const Bytes packed,
        crypto::open(body_key(key), bound_to(kBodyContext, slot_class, leaf.body_root), as_view(body)));
    *key_out = to_string(key.expose());
    *slots_out = to_string(packed);
    return {};
  };
  TRY(open_class(SlotClass::kAccountability, sealed.sealed_a(), out.mutable_key_a(), out.mutable_slots_a()));
  if (personal && !sealed.sealed_p().empty()) {
    TRY(open_class(SlotClass::kPersonal, sealed.sealed_p(), out.mutable_key_p(), out.mutable_slots_p()));
  } else {
    out.set_root_p(sealed.root_p());
  }
  return out;
}

}  // namespace tocsin::node
