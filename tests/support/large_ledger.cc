#include "tests/support/large_ledger.h"

#include <algorithm>
#include <stdexcept>

#include "crypto/base/encoding.h"
#include "crypto/hash.h"
#include "protocol/log/merkle.h"
#include "protocol/log/tile.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/sshsig.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::test {
namespace {

using namespace protocol;

constexpr std::size_t kBlocksHeldMax = 96;  // an audit reads 32 ahead

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

Hash number_hash(std::uint64_t number, std::string_view what) {
  FixedBytes<8> digits;
  put_be(digits.data(), number);
  return crypto::sha256_parts({as_view(what), digits});
}

std::uint64_t padded(std::uint64_t size) {
  return (size + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes;
}

Bytes header_of(const std::string& name, std::uint64_t size) {
  Bytes out;
  TarWriter tar([&](ByteView bytes) -> Status {
    append(out, bytes);
    return {};
  });
  if (!tar.begin(name, size)) throw std::runtime_error("tar");
  return out;
}

}  // namespace

LargeLedger::LargeLedger(std::uint64_t records)
    : node_("video.example", 10), peer_("chat.example", 50), beginning_(node_), size_(records) {
  append_foundation(beginning_, node_, {&node_, &peer_});
  first_ = beginning_.records().size();
  beginning_.advance_ms(size_ * 1000);
  beginning_.append(Event::kDisclosed, node_chain(node_), disclosed_slots({}, 1, size_));
  make_files();
  lay_out();
}

std::string LargeLedger::policy() const {
  return "log " + vkey_text(node_) + "\nquorum none\n";
}

const BuiltRecord* LargeLedger::made_at(std::uint64_t index) const {
  if (index + 1 == size_) return &beginning_.records().back();
  return index < first_ ? &beginning_.records()[static_cast<std::size_t>(index)] : nullptr;
}

Slots LargeLedger::slots_of(std::uint64_t index) const {
  Slots slots = submitted_slots(node_, static_cast<std::uint8_t>(index), kLedgerStartMs + index * 1000);
  slots.pop_back();  // the personal one
  return slots;
}

Leaf LargeLedger::leaf_of(std::uint64_t index) const {
  Leaf leaf;
  leaf.event = static_cast<std::uint16_t>(Event::kSubmitted);
  leaf.time_ms = kLedgerStartMs + index * 1000;
  leaf.chain = number_hash(index, "chain");
  const Hash key = number_hash(index, "key a");
  leaf.body_root = body_root(must(class_root(SlotClass::kAccountability, ClassKey(key), slots_of(index))),
                             number_hash(index, "root p"));
  return leaf;
}

void LargeLedger::append_record(std::uint64_t index, Block& block) const {
  const BuiltRecord* made = made_at(index);
  const LeafBytes leaf = encode_leaf(made != nullptr ? made->leaf : leaf_of(index));
  append_entry(block.entries, leaf);
  append(block.hashes, leaf_hash(leaf));
  v1::Opening opening;
  opening.set_index(index);
  Slots a, p;
  for (const SlotValue& slot : made != nullptr ? made->slots : slots_of(index))
    (class_of(slot.slot) == SlotClass::kAccountability ? a : p).push_back(slot);
  opening.set_key_a(to_string(made != nullptr ? made->key_a : number_hash(index, "key a")));
  opening.set_slots_a(to_string(pack_slots(a)));
  opening.set_root_p(to_string(made != nullptr
                                   ? must(class_root(SlotClass::kPersonal, ClassKey(made->key_p), p))
                                   : number_hash(index, "root p")));
  append_opening(block.openings, opening);
}

const LargeLedger::Block& LargeLedger::block(std::uint64_t number) {
  const auto held = blocks_.find(number);
  if (held != blocks_.end()) return held->second;
  // Audits go forward: the lowest is not asked for again.
  if (blocks_.size() == kBlocksHeldMax) blocks_.erase(blocks_.begin());
  Block& made = blocks_[number];
  const std::uint64_t end = std::min(size_, (number + 1) * kTileWidth);
  for (std::uint64_t i = number * kTileWidth; i < end; ++i) append_record(i, made);
  return made;
}

void LargeLedger::add_text(const std::string& name, std::string text) {
  File& file = files_[name];
  file = {name, Kind::kText, 0, std::move(text), 0, 0, {}};
  file.size = file.text.size();
  file.sha256 = crypto::sha256(as_view(file.text));
}

void LargeLedger::make_files() {
  TileWriter tree;
  crypto::Sha256 openings;
  std::uint64_t openings_size = 0;
  std::map<std::pair<unsigned, std::uint64_t>, Bytes> upper;
  for (std::uint64_t number = 0; number * kTileWidth < size_; ++number) {
    const Block& made = block(number);
    std::vector<Hash> hashes(made.hashes.size() / sizeof(Hash));
    std::memcpy(hashes.data(), made.hashes.data(), made.hashes.size());
    tree.append(hashes);
    openings.update(made.openings);
    opening_ends_.push_back(openings_size += made.openings.size());
    const auto width = static_cast<unsigned>(hashes.size());
    for (const auto& [name, kind, bytes] :
         {std::tuple(tile_path({0, number, width}), Kind::kTile, &made.hashes),
          std::tuple(entries_path(number, width), Kind::kEntries, &made.entries)})
      files_[name] = {name, kind, number, {}, 0, bytes->size(), crypto::sha256(*bytes)};
    for (TileValue& tile : tree.take_changed())
      if (tile.level != 0) upper[{tile.level, tile.index}] = std::move(tile.hashes);
  }
  for (const auto& [place, hashes] : upper)
    add_text(tile_path({place.first, place.second, static_cast<unsigned>(hashes.size() / sizeof(Hash))}),
             to_string(hashes));
  files_["openings"] = {"openings", Kind::kOpenings, 0, {}, 0, openings_size, openings.finish()};
  add_text("policy", policy());
  add_text("checkpoint", sign_checkpoint(node_.operational, {node_.origin, {size_, tree.range().root()}}));
}

void LargeLedger::lay_out() {
  std::string text = node_.origin + "\n";
  for (const auto& [name, file] : files_) text += hex_encode(file.sha256) + "  " + name + "\n";
  const std::string manifest = format_note({text, {sign_note(node_.operational, node_.origin, text)}});
  add_text("manifest", manifest);
  add_text("manifest.sig", sign_sshsig(node_.operational, kManifestNamespace, manifest));
  for (auto& [name, file] : files_) {
    file.header = archive_bytes_;
    archive_bytes_ += kTarBlockBytes + padded(file.size);
    by_place_.push_back(&file);
  }
  archive_bytes_ += 2 * kTarBlockBytes;
  blocks_.clear();
}

void LargeLedger::read_file(const File& file, std::uint64_t at, std::span<std::uint8_t> out) {
  const auto copy = [&](ByteView from) {
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
  };
  switch (file.kind) {
    case Kind::kText:
      return copy(as_view(file.text));
    case Kind::kTile:
      return copy(block(file.block).hashes);
    case Kind::kEntries:
      return copy(block(file.block).entries);
    case Kind::kOpenings:
      break;
  }
  while (!out.empty()) {
    const auto end = std::upper_bound(opening_ends_.begin(), opening_ends_.end(), at);
    const auto number = static_cast<std::uint64_t>(end - opening_ends_.begin());
    const std::uint64_t begin = number == 0 ? 0 : opening_ends_[static_cast<std::size_t>(number) - 1];
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), *end - at));
    std::copy_n(block(number).openings.begin() + static_cast<std::ptrdiff_t>(at - begin), count, out.begin());
    out = out.subspan(count);
    at += count;
  }
}

void LargeLedger::read(std::uint64_t offset, std::span<std::uint8_t> out) {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  while (!out.empty()) {
    auto at = std::upper_bound(by_place_.begin(), by_place_.end(), offset,
                               [](std::uint64_t o, const File* file) { return o < file->header; });
    const File& file = **--at;
    const std::uint64_t content = file.header + kTarBlockBytes;
    const std::uint64_t end = content + padded(file.size);
    if (offset >= end) return;  // the archive's end
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - offset));
    if (offset < content) {
      const Bytes header = header_of(file.name, file.size);
      const auto within = static_cast<std::size_t>(std::min<std::uint64_t>(count, content - offset));
      std::copy_n(header.begin() + static_cast<std::ptrdiff_t>(offset - file.header), within, out.begin());
      out = out.subspan(within);
      offset += within;
      continue;
    }
    if (offset - content < file.size)
      read_file(file, offset - content,
                out.first(static_cast<std::size_t>(
                    std::min<std::uint64_t>(count, file.size - (offset - content)))));
    out = out.subspan(count);
    offset += count;
  }
}

}  // namespace tocsin::test
