#include "protocol/feed/opening.h"

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/wire/prescan.h"

namespace tocsin::protocol {
namespace {

constexpr std::string_view kPageContext = "tocsin1/page";

// One class of an opening: its root from key and values, or the root itself when it stays closed.
Result<Hash> class_root_of(SlotClass slot_class, const std::string& key, const std::string& packed,
                           const std::string& closed_root, std::vector<SlotValue>& out) {
  if (key.empty()) {
    if (!packed.empty())
      return fail(Code::kInvalidArgument, "an opening has values but no key for them", "feed/opening");
    return fixed<32>(as_view(closed_root), "an opening's closed class root");
  }
  if (!closed_root.empty())
    return fail(Code::kInvalidArgument, "an opening both opens and closes a class", "feed/opening");
  TRY_ASSIGN(const auto class_key, fixed<32>(as_view(key), "an opening's class key"));
  TRY_ASSIGN(auto values, unpack_slots(as_view(packed)));
  TRY_ASSIGN(const Hash root, class_root(slot_class, class_key, values));
  for (SlotValue& value : values) out.push_back(std::move(value));
  return root;
}

Bytes binding_bytes(const PageBinding& binding) {
  Bytes out = to_bytes(as_view(kPageContext));
  out.push_back(0);
  append(out, binding.sender);
  append(out, binding.recipient);
  append_be(out, binding.from);
  return out;
}

}  // namespace

Result<OpenedRecord> verify_opening(const v1::Opening& opening, const Leaf& leaf) {
  const auto event = event_from_code(leaf.event);
  if (!event)
    return fail(Code::kInvalidArgument,
                "record " + std::to_string(opening.index()) + " is of a kind we do not know", "feed/opening");
  if (opening.key_a().empty())
    return fail(Code::kInvalidArgument, "an opening leaves the accountability slots closed", "feed/opening");
  std::vector<SlotValue> values;
  TRY_ASSIGN(const Hash root_a, class_root_of(SlotClass::kAccountability, opening.key_a(), opening.slots_a(),
                                              opening.root_a(), values));
  TRY_ASSIGN(const Hash root_p, class_root_of(SlotClass::kPersonal, opening.key_p(), opening.slots_p(),
                                              opening.root_p(), values));
  if (body_root(root_a, root_p) != leaf.body_root)
    return fail(
        Code::kDataLoss,
        "record " + std::to_string(opening.index()) + " was opened to values its leaf does not commit to",
        "feed/altered");
  OpenedRecord record;
  record.index = opening.index();
  record.leaf = leaf;
  record.leaf_hash = crypto::leaf_hash(encode_leaf(leaf));
  TRY_ASSIGN(record.event, ValidEvent::parse(*event, std::move(values)));
  TRY_ASSIGN(record.key_a, fixed<32>(as_view(opening.key_a()), "an opening's class key"));
  return record;
}

Result<v1::Openings> parse_openings(ByteView bytes) {
  // An opening has seven fields and is one itself.
  v1::Openings openings;
  TRY(parse_untrusted(bytes, openings, {kPageBytesMax, kOpeningsPerPageMax * 8}));
  if (static_cast<std::size_t>(openings.openings_size()) > kOpeningsPerPageMax)
    return fail(Code::kResourceExhausted,
                "a page holds more than " + std::to_string(kOpeningsPerPageMax) + " openings", "feed/limit");
  return openings;
}

Result<v1::SealedPage> seal_page(const PageBinding& binding, const crypto::KemPublicKey& envelope_key,
                                 const v1::Openings& openings, const crypto::DataKey& key,
                                 const crypto::SealNonce& nonce, const Secret<32>& entropy) {
  const Bytes info = binding_bytes(binding);
  TRY_ASSIGN(const crypto::WrappedKey wrapped, crypto::wrap_key(envelope_key, info, key, entropy));
  const std::string plain = openings.SerializeAsString();
  v1::SealedPage page;
  page.set_wrapped_key(to_string(wrapped));
  page.set_sealed(to_string(crypto::seal(key, nonce, info, as_view(plain))));
  return page;
}

Result<v1::Openings> open_page(const PageBinding& binding, const crypto::KemKey& envelope_key,
                               const v1::SealedPage& page) {
  const Bytes info = binding_bytes(binding);
  TRY_ASSIGN(const crypto::DataKey key, crypto::unwrap_key(envelope_key, info, as_view(page.wrapped_key())));
  TRY_ASSIGN(const Bytes plain, crypto::open(key, info, as_view(page.sealed())));
  return parse_openings(plain);
}

}  // namespace tocsin::protocol
