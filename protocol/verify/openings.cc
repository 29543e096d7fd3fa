#include "protocol/verify/openings.h"

#include <algorithm>
#include <string>

#include "crypto/base/encoding.h"
#include "protocol/log/slots.h"
#include "protocol/process/attestation.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "bundle/openings";
// Few enough that what one step leaves is in the cache for the next.
constexpr std::size_t kWorksAtOnce = 512;
constexpr std::size_t kBytesAtOnce = std::size_t{16} << 20;
constexpr std::size_t kIndexBytesMax = 11;  // a tag and a varint

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

struct OpenedClass {
  bool open = false;
  std::vector<SlotValue> slots;
  Hash key{};                      // when open
  ClassCommitments commitments{};  // when open
  Hash root{};
};

Result<OpenedClass> open_class(SlotClass slot_class, ByteView key, ByteView slots, ByteView root) {
  OpenedClass out;
  if (key.empty()) {
    if (!slots.empty()) return malformed("a closed class has slots");
    TRY_ASSIGN(out.root, fixed<32>(root, "a closed class's root"));
    return out;
  }
  if (!root.empty()) return malformed("an open class has a root");
  TRY_ASSIGN(out.key, fixed<32>(key, "a class key"));
  TRY_ASSIGN(out.slots, unpack_slots(slots));
  TRY_ASSIGN(out.commitments, class_commitments(slot_class, ClassKey(out.key), out.slots));
  out.root = class_root(out.commitments);
  out.open = true;
  return out;
}

// An opening's fields where they stand in its bytes; absent ones are empty.
struct OpeningView {
  std::uint64_t index = 0;
  ByteView key_a, slots_a, root_a, key_p, slots_p, root_p;
};

// A varint in its shortest form, taken from the front.
std::optional<std::uint64_t> take_varint(ByteView& bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const std::uint8_t byte = bytes[i];
    if (i == 9 && byte > 1) return std::nullopt;
    out |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && i != 0) return std::nullopt;
    bytes = bytes.subspan(i + 1);
    return out;
  }
  return std::nullopt;
}

// The one encoding: each field once, in order, and none that says nothing. Read by hand, since a parser that
// takes every encoding would have to write the message again to compare.
Result<OpeningView> view_opening(ByteView bytes) {
  constexpr const char* kWhy = "an opening is not in its one legal form";
  constexpr std::uint8_t kVarintTag = 0x08;
  OpeningView out;
  if (!bytes.empty() && bytes[0] == kVarintTag) {
    bytes = bytes.subspan(1);
    const auto index = take_varint(bytes);
    if (!index || *index == 0) return malformed(kWhy);
    out.index = *index;
  }
  std::uint8_t tag = 0x12;  // field 2, of bytes; the fields behind it follow in steps of eight
  for (ByteView* field : {&out.key_a, &out.slots_a, &out.root_a, &out.key_p, &out.slots_p, &out.root_p}) {
    const bool here = !bytes.empty() && bytes[0] == tag;
    tag = static_cast<std::uint8_t>(tag + 8);
    if (!here) continue;
    bytes = bytes.subspan(1);
    const auto length = take_varint(bytes);
    if (!length || *length == 0 || *length > bytes.size()) return malformed(kWhy);
    *field = bytes.first(static_cast<std::size_t>(*length));
    bytes = bytes.subspan(static_cast<std::size_t>(*length));
  }
  if (!bytes.empty()) return malformed(kWhy);
  return out;
}

// The index that an opening begins with, as far as it can be told before it is parsed.
std::uint64_t peek_index(ByteView bytes) {
  if (bytes.empty() || bytes[0] != 0x08) return 0;
  std::uint64_t index = 0;
  for (std::size_t i = 1; i < bytes.size() && i < kIndexBytesMax; ++i) {
    index |= static_cast<std::uint64_t>(bytes[i] & 0x7F) << (7 * (i - 1));
    if ((bytes[i] & 0x80) == 0) break;
  }
  return index;
}

}  // namespace

Result<v1::Opening> parse_opening(ByteView bytes) {
  TRY_ASSIGN(const OpeningView view, view_opening(bytes));
  v1::Opening opening;
  opening.set_index(view.index);
  opening.set_key_a(to_string(view.key_a));
  opening.set_slots_a(to_string(view.slots_a));
  opening.set_root_a(to_string(view.root_a));
  opening.set_key_p(to_string(view.key_p));
  opening.set_slots_p(to_string(view.slots_p));
  opening.set_root_p(to_string(view.root_p));
  return opening;
}

struct OpeningsAudit::Work {
  Bytes raw;
  std::uint64_t index = 0;
  const LedgerLeaf* place = nullptr;
  std::string unparsed;   // why the bytes are no opening
  const char* code = "";  // of a finding that ends the record's judgement
  std::string text;
  bool flags_wrong = false;
  bool open_a = false;
  bool open_p = false;
  Leaf leaf;
  Hash key_a{};
  std::optional<ValidEvent> event;
  std::string schema;  // why the slots are not the event's
  std::optional<crypto::PublicKey> attested_by;

  // Ready for another opening; what was allocated for short ones is used again.
  void forget();
  void judge(const KnownKeys& keys);
  void read_event(OpenedClass a, OpenedClass p, const KnownKeys& keys);
};

void OpeningsAudit::Work::forget() {
  constexpr std::size_t kKeptMax = 4096;
  Bytes kept = std::move(raw);
  if (kept.capacity() > kKeptMax) kept = Bytes();
  *this = Work();
  raw = std::move(kept);
}

void OpeningsAudit::Work::judge(const KnownKeys& keys) {
  const auto in = view_opening(raw);
  if (!in) {
    unparsed = in.error().message;
    return;
  }
  index = in->index;
  if (place == nullptr || place->index != index) return;
  const auto parsed = parse_leaf(place->bytes);
  if (!parsed) {
    place = nullptr;
    return;
  }
  leaf = *parsed;
  auto a = open_class(SlotClass::kAccountability, in->key_a, in->slots_a, in->root_a);
  auto p = open_class(SlotClass::kPersonal, in->key_p, in->slots_p, in->root_p);
  if (!a || !p) {
    code = "V8.syntax";
    text = "The opening is malformed: " + (a ? p.error() : a.error()).message + ".";
    return;
  }
  if (body_root(a->root, p->root) != leaf.body_root) {
    code = "V8.commitment";
    text = "What is opened is not what the record committed to.";
    return;
  }
  open_a = a->open;
  open_p = p->open;
  flags_wrong = p->open && ((leaf.flags & kLeafPersonal) != 0) == p->slots.empty();
  if (open_a) read_event(std::move(*a), std::move(*p), keys);
}

void OpeningsAudit::Work::read_event(OpenedClass a, OpenedClass p, const KnownKeys& keys) {
  const auto kind = event_from_code(leaf.event);
  if (!kind) return;
  key_a = a.key;
  std::vector<SlotValue> slots = std::move(a.slots);
  for (SlotValue& slot : p.slots) slots.push_back(std::move(slot));
  auto valid = ValidEvent::parse(*kind, std::move(slots));
  if (!valid) {
    schema = valid.error().message;
    return;
  }
  event = std::move(*valid);
  if (!event->has(kSlotAttestation) || !event->has(kSlotReviewer)) return;
  const RegisteredKey* key = keys.registry.key(event->key_id(kSlotReviewer));
  const AttestationContext context{keys.issuer, *kind, leaf.chain};
  if (key != nullptr && verify_attestation(context, a.commitments, *event, key->key)) attested_by = key->key;
}

OpeningsAudit::~OpeningsAudit() = default;

OpeningsAudit::OpeningsAudit(const Bundle& bundle, const std::optional<Scope>& scope, FileSums& sums,
                             WorkPool& pool, Report& report)
    : scope_(scope), pool_(pool), sums_(sums), report_(report), file_(bundle.find(kOpeningsFile)) {
  if (file_ != nullptr) reader_.emplace(bundle, *file_);
}

void OpeningsAudit::tampered(std::string code, std::string text, std::optional<std::uint64_t> index) {
  whole_ = false;
  report_.tampering(std::move(code), std::move(text), index);
}

// False at the end, or when the next opening is of a later leaf.
Result<bool> OpeningsAudit::read_one(std::optional<std::uint64_t> below, Work& work) {
  if (!reader_ || broken_ || reader_->remaining() == 0) return false;
  TRY_ASSIGN(const ByteView front, reader_->peek(4 + kIndexBytesMax));
  const std::size_t length = front.size() < 4 ? SIZE_MAX : get_be<std::uint32_t>(front.data());
  if (length > kOpeningBytesMax || length > reader_->remaining() - 4) {
    broken_ = true;
    tampered("V8.syntax", "The openings are cut off or one is too long.", std::nullopt);
    return false;
  }
  work.index = peek_index(front.subspan(4, std::min(length, front.size() - 4)));
  if (below && work.index >= *below) return false;
  TRY_ASSIGN(const ByteView all, reader_->peek(4 + length));
  work.raw.assign(all.begin() + 4, all.begin() + static_cast<std::ptrdiff_t>(4 + length));
  reader_->take(4 + length);
  return true;
}

Status OpeningsAudit::take(const LeafBlock& block, bool complete, const KnownKeys& keys,
                           const RecordSink& sink) {
  complete_ = complete;
  seen_.assign(block.leaves.size(), false);
  for (bool more = true; more;) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (; count < kWorksAtOnce && bytes < kBytesAtOnce; ++count) {
      if (count == works_.size()) works_.emplace_back();
      Work& work = works_[count];
      TRY_ASSIGN(more, read_one(block.end(), work));
      if (!more) break;
      work.place = block.find(work.index);
      bytes += work.raw.size();
    }
    TRY(judge(std::span(works_).first(count), block, keys, sink));
  }
  if (!broken_) note_unopened(block);
  return {};
}

Status OpeningsAudit::judge(std::span<Work> works, const LeafBlock& block, const KnownKeys& keys,
                            const RecordSink& sink) {
  pool_.run(works.size(), [&](std::size_t i) { works[i].judge(keys); });
  for (Work& work : works) {
    if (broken_) break;
    if (!work.unparsed.empty()) {
      broken_ = true;
      tampered("V8.syntax", "The openings are malformed: " + work.unparsed + ".", std::nullopt);
    } else if (work.index < next_) {
      tampered("V8.order", "The openings are not in the order of the records, each once.", work.index);
    } else {
      next_ = work.index == UINT64_MAX ? work.index : work.index + 1;
      const LedgerLeaf* place = block.find(work.index);
      if (place == nullptr) {
        // With leaves missing that is not the opening's fault.
        if (complete_)
          tampered("V8.index", "An opening is for a record that the bundle does not have.", work.index);
        continue;
      }
      seen_[static_cast<std::size_t>(place - block.leaves.data())] = true;
      if (work.place != nullptr) TRY(report_work(work, sink));
    }
  }
  for (Work& work : works) work.forget();
  return {};
}

Status OpeningsAudit::report_work(const Work& work, const RecordSink& sink) {
  if (*work.code != 0) {
    tampered(work.code, work.text, work.index);
    return {};
  }
  if (work.flags_wrong)
    tampered("V8.flags", "The record's mark for personal fields does not fit its fields.", work.index);
  opened_personal_ = opened_personal_ || work.open_p;
  if (!work.open_a) {
    if (scope_ && !scope_->covers(work.index, work.leaf)) return {};
    whole_ = false;
    report_.missing("V8.withheld", "The record's accountability fields are not opened.", work.index);
    return {};
  }
  if (!work.schema.empty()) {
    whole_ = false;
    report_.breach("V8.schema", "", "The record lacks what its kind must carry: " + work.schema + ".",
                   work.index);
    return {};
  }
  if (!work.event) return {};
  ++opened_;
  return sink({work.index, work.leaf, work.place->hash, &*work.event, work.key_a, work.attested_by});
}

// One finding for each run of records that nothing opens.
void OpeningsAudit::note_unopened(const LeafBlock& block) {
  for (std::size_t i = 0; i < block.leaves.size(); ++i) {
    const LedgerLeaf& leaf = block.leaves[i];
    bool asked = !seen_[i];
    if (asked && scope_) {
      const auto parsed = parse_leaf(leaf.bytes);
      asked = parsed && scope_->covers(leaf.index, *parsed);
    }
    if (run_ && (!asked || run_end_ != leaf.index)) flush_run();
    if (!asked) continue;
    if (!run_) run_ = leaf.index;
    run_end_ = leaf.index + 1;
  }
}

void OpeningsAudit::flush_run() {
  if (!run_) return;
  whole_ = false;
  report_.missing("V8.withheld",
                  *run_ + 1 == run_end_
                      ? "The record is not opened."
                      : "The records from here to " + std::to_string(run_end_ - 1) + " are not opened.",
                  *run_);
  run_.reset();
}

Status OpeningsAudit::finish(bool complete) {
  if (!broken_) flush_run();
  for (Work work; !broken_;) {
    TRY_ASSIGN(const bool more, read_one(std::nullopt, work));
    if (!more) break;
    const auto opening = view_opening(work.raw);
    if (!opening) {
      broken_ = true;
      tampered("V8.syntax", "The openings are malformed: " + opening.error().message + ".", std::nullopt);
    } else if (complete) {
      // With leaves missing that is not the opening's fault.
      tampered("V8.index", "An opening is for a record that the bundle does not have.", opening->index);
    }
  }
  if (!reader_) return {};
  TRY_ASSIGN(const Hash hash, reader_->finish());
  sums_.saw_hash(*file_, hash);
  return {};
}

}  // namespace tocsin::protocol
