#include "protocol/verify/openings.h"

#include <algorithm>
#include <string>

#include "crypto/base/encoding.h"
#include "protocol/log/slots.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "bundle/openings";

tl::unexpected<Error> malformed(const char* why) {
  return fail(Code::kInvalidArgument, why, kRule);
}

struct OpenedClass {
  bool open = false;
  std::vector<SlotValue> slots;
  Hash key{};  // when open
  Hash root{};
};

Result<OpenedClass> open_class(SlotClass slot_class, std::string_view key, std::string_view slots,
                               std::string_view root) {
  OpenedClass out;
  if (key.empty()) {
    if (!slots.empty()) return malformed("a closed class has slots");
    TRY_ASSIGN(out.root, fixed<32>(as_view(root), "a closed class's root"));
    return out;
  }
  if (!root.empty()) return malformed("an open class has a root");
  TRY_ASSIGN(out.key, fixed<32>(as_view(key), "a class key"));
  TRY_ASSIGN(out.slots, unpack_slots(as_view(slots)));
  TRY_ASSIGN(out.root, class_root(slot_class, ClassKey(out.key), out.slots));
  out.open = true;
  return out;
}

Result<v1::Opening> parse_opening(ByteView bytes) {
  v1::Opening opening;
  if (!opening.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return malformed("an opening does not parse");
  // The one encoding: no unknown field, no field twice, none out of order.
  opening.DiscardUnknownFields();
  if (opening.SerializeAsString() != as_text(bytes))
    return malformed("an opening is not in its one legal form");
  return opening;
}

class OpeningsAudit {
 public:
  OpeningsAudit(const AuditedTree& tree, Report& report, const RecordSink& sink)
      : tree_(tree), report_(report), sink_(sink) {}

  bool run(ByteView file) {
    read(file);
    // A file that breaks off was reported as such.
    if (!broken_) skip_to(tree_.leaves.size());
    return whole_ && !broken_;
  }

 private:
  void read(ByteView file) {
    while (!file.empty()) {
      const std::size_t length = file.size() < 4 ? SIZE_MAX : get_be<std::uint32_t>(file.data());
      if (length > kOpeningBytesMax || length > file.size() - 4) {
        broken_ = true;
        return report_.tampering("V8.syntax", "The openings are cut off or one is too long.");
      }
      const auto opening = parse_opening(file.subspan(4, length));
      file = file.subspan(4 + length);
      if (!opening) {
        broken_ = true;
        return report_.tampering("V8.syntax", "The openings are malformed: " + opening.error().message + ".");
      }
      take(*opening);
    }
  }

  // One finding for each run of records that nothing opens.
  void skip_to(std::uint64_t index) {
    index = std::min<std::uint64_t>(index, tree_.leaves.size());
    if (next_ >= index) return;
    const std::string last = std::to_string(index - 1);
    withheld(next_, next_ + 1 == index ? "The record is not opened."
                                       : "The records from here to " + last + " are not opened.");
  }

  void tampered(std::string code, std::string text, std::uint64_t index) {
    whole_ = false;
    report_.tampering(std::move(code), std::move(text), index);
  }

  void withheld(std::uint64_t index, std::string text) {
    whole_ = false;
    report_.missing("V8.withheld", std::move(text), index);
  }

  void take(const v1::Opening& opening) {
    const std::uint64_t index = opening.index();
    if (index < next_) {
      tampered("V8.order", "The openings are not in the order of the records, each once.", index);
      return;
    }
    skip_to(index);
    next_ = index == UINT64_MAX ? index : index + 1;
    if (index >= tree_.leaves.size()) {
      // With leaves missing that is not the opening's fault.
      if (tree_.complete)
        tampered("V8.index", "An opening is for a record that the ledger does not have.", index);
      return;
    }
    const auto leaf = parse_leaf(tree_.leaves[static_cast<std::size_t>(index)]);
    if (leaf) open(index, *leaf, opening);
  }

  void open(std::uint64_t index, const Leaf& leaf, const v1::Opening& in) {
    auto a = open_class(SlotClass::kAccountability, in.key_a(), in.slots_a(), in.root_a());
    auto p = open_class(SlotClass::kPersonal, in.key_p(), in.slots_p(), in.root_p());
    if (!a || !p) {
      const Error& error = a ? p.error() : a.error();
      tampered("V8.syntax", "The opening is malformed: " + error.message + ".", index);
      return;
    }
    if (body_root(a->root, p->root) != leaf.body_root) {
      tampered("V8.commitment", "What is opened is not what the record committed to.", index);
      return;
    }
    const bool personal = (leaf.flags & kLeafPersonal) != 0;
    if (p->open && personal == p->slots.empty())
      tampered("V8.flags", "The record's mark for personal fields does not fit its fields.", index);
    if (!a->open) return withheld(index, "The record's accountability fields are not opened.");
    const auto event = event_from_code(leaf.event);
    if (!event) return;
    std::vector<SlotValue> slots = std::move(a->slots);
    for (SlotValue& slot : p->slots) slots.push_back(std::move(slot));
    auto valid = ValidEvent::parse(*event, std::move(slots));
    if (!valid) {
      report_.breach("V8.schema", "record/schema",
                     "The record lacks what its kind must carry: " + valid.error().message + ".", index);
      return;
    }
    sink_({index, leaf, tree_.hashes[static_cast<std::size_t>(index)], &*valid, a->key});
  }

  const AuditedTree& tree_;
  Report& report_;
  const RecordSink& sink_;
  std::uint64_t next_ = 0;
  bool whole_ = true;
  bool broken_ = false;
};

}  // namespace

bool audit_openings(const Bundle& bundle, const AuditedTree& tree, Report& report, const RecordSink& sink) {
  const auto file = bundle.find(kOpeningsFile);
  return OpeningsAudit(tree, report, sink).run(file.value_or(ByteView()));
}

}  // namespace tocsin::protocol
