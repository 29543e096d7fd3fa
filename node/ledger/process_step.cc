#include "node/ledger/process_step.h"

#include <algorithm>
#include <set>

namespace tocsin::node {
namespace {

using protocol::Event;

bool is_node_event(Event event) {
  return static_cast<std::uint16_t>(event) >> 8 == 0x05;
}

// A receiver's record names signals and whose they are; an origin's names chains of its own ledger.
bool is_receiver_event(const protocol::ValidEvent& event) {
  return !is_node_event(event.event()) && event.has(protocol::kSlotOrigin);
}

// The cases a record of ours is about: its own signal, or every one of the chains it covers.
Result<std::vector<v1::Case>> own_cases(const Changes& changes, const Hash& self, const OwnRecord& record) {
  std::vector<Hash> signals;
  if (record.subject.kind == Subject::Kind::kSignal) signals.push_back(record.subject.signal);
  if (record.event.has(protocol::kSlotCovers)) {
    for (const Hash& chain : record.event.hashes(protocol::kSlotCovers)) {
      TRY_ASSIGN(const auto head, changes.chain(self, chain));
      if (!head)
        return fail(Code::kNotFound, "a chain the record covers is not in this ledger", "ledger/covers");
      signals.push_back(head->signal);
    }
  }
  std::vector<v1::Case> cases;
  for (const Hash& signal : signals) {
    TRY_ASSIGN(auto found, changes.case_of(signal));
    if (found) cases.push_back(std::move(*found));
  }
  return cases;
}

void open_to_groups(v1::SealedRecord& sealed, const std::set<std::string>& groups) {
  for (const std::string& group : groups) sealed.add_audience(group);
}

// SPEC §5, "Who is opened what".
Status set_audience(const Changes& changes, const Hash& self, const OwnRecord& record,
                    v1::SealedRecord& sealed) {
  const Event event = record.event.event();
  if (event == Event::kGroupSet || event == Event::kPublished) {
    sealed.clear_audience();
    sealed.add_audience(to_string(record.event.hash(0)));
  } else if (is_node_event(event) || event == Event::kReceipt) {
    sealed.set_members(true);
    return {};
  }
  if (event == Event::kGroupSet || is_receiver_event(record.event)) return {};
  TRY_ASSIGN(const auto cases, own_cases(changes, self, record));
  if (event == Event::kPublished) {
    std::set<std::uint64_t> attached;
    for (const v1::Case& value : cases) {
      attached.insert(value.origin().submitted_index());
      attached.insert(value.origin().review_index());
    }
    for (const std::uint64_t index : attached) sealed.add_attached(index);
    return {};
  }
  if (!sealed.audience().empty()) return {};
  std::set<std::string> groups;
  for (const v1::Case& value : cases)
    groups.insert(value.origin().groups().begin(), value.origin().groups().end());
  open_to_groups(sealed, groups);
  return {};
}

}  // namespace

Status apply_own_record(Changes& changes, const Hash& self, const OwnRecord& record,
                        v1::SealedRecord& sealed) {
  return set_audience(changes, self, record, sealed);
}

}  // namespace tocsin::node
