#include "node/ledger/process_step.h"

#include <set>

#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "storage/receipt_store.h"

namespace tocsin::node {
namespace {

using protocol::Covered;
using protocol::Event;

tl::unexpected<Error> not_held(const char* what) {
  return fail(Code::kNotFound, what, "ledger/covers");
}

// The signal of one of our own chains; the record's own chain may be about to begin.
Result<Hash> signal_of(const Changes& changes, const Hash& self, const OwnRecord& record, const Hash& chain) {
  if (chain == record.view.leaf.chain && record.subject.kind == Subject::Kind::kSignal)
    return record.subject.signal;
  TRY_ASSIGN(const auto head, changes.chain(self, chain));
  if (!head || head->signal == Hash{})
    return not_held("a chain the record covers is no signal of this ledger");
  return head->signal;
}

// The cases the record changes, as they are before it; a submission's may not be there yet.
Result<std::vector<v1::Case>> covered_cases(const Changes& changes, const Hash& self,
                                            const OwnRecord& record) {
  const Covered covered = protocol::covered(record.view.leaf, *record.view.event);
  std::vector<v1::Case> cases;
  cases.reserve(covered.ids.size());
  for (const Hash& id : covered.ids) {
    Hash signal = id;
    if (covered.kind == Covered::Kind::kChains) {
      TRY_ASSIGN(signal, signal_of(changes, self, record, id));
    }
    TRY_ASSIGN(auto found, changes.case_of(signal));
    if (!found && record.view.event->event() != Event::kSubmitted)
      return not_held("a signal the record is about is not held");
    cases.push_back(found ? std::move(*found) : v1::Case());
  }
  return cases;
}

// SPEC §5, "Who is opened what"; `cases` as they are after the record.
void set_audience(const protocol::ValidEvent& event, std::span<const v1::Case> cases,
                  v1::SealedRecord& sealed) {
  if (event.event() == Event::kGroupSet || event.event() == Event::kPublished) {
    sealed.clear_audience();
    sealed.add_audience(to_string(event.hash(0)));
  } else if (protocol::is_node_event(event.event()) || event.event() == Event::kReceipt) {
    sealed.set_members(true);
  }
  if (event.event() == Event::kPublished) {
    std::set<std::uint64_t> attached;
    for (const v1::Case& value : cases) {
      attached.insert(value.origin().submitted_index());
      attached.insert(value.origin().review_index());
    }
    for (const std::uint64_t index : attached) sealed.add_attached(index);
    return;
  }
  if (protocol::is_receiver_event(event.event()) || !sealed.audience().empty()) return;
  std::set<std::string> groups;
  for (const v1::Case& value : cases)
    groups.insert(value.origin().groups().begin(), value.origin().groups().end());
  for (const std::string& group : groups) sealed.add_audience(group);
}

Status check_subject(const Hash& self, const OwnRecord& record) {
  if (record.view.event->event() != Event::kSubmitted) return {};
  if (record.subject.kind == Subject::Kind::kSignal &&
      record.subject.signal == protocol::signal_id(self, record.view.event->bytes(0)))
    return {};
  return fail(Code::kInvalidArgument, "a submission stands under another signal's id", "ledger/subject");
}

}  // namespace

Status apply_own_record(Changes& changes, const Hash& self, const OwnRecord& record,
                        v1::SealedRecord& sealed) {
  TRY(check_subject(self, record));
  const protocol::RecordView& view = record.view;
  protocol::FoldContext context{self, changes.registry(), false, true};
  TRY(protocol::judge_record(view, context));
  context.record_judged = true;
  TRY_ASSIGN(auto cases, covered_cases(changes, self, record));
  for (v1::Case& value : cases) {
    TRY(protocol::judge(value, view, context));
    protocol::apply(value, view, context);
  }
  set_audience(*view.event, cases, sealed);
  for (v1::Case& value : cases) changes.put_case(std::move(value));
  if (protocol::is_node_event(view.event->event())) changes.apply_to_registry(view);
  if (view.event->event() == Event::kReceipt)
    storage::ReceiptStore::put(changes.batch(), self, view.index, *view.event);
  return {};
}

}  // namespace tocsin::node
