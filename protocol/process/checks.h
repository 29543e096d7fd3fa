#pragma once
// The checks that the table of rules (rules.cc) is made of: each looks at one record, and some at its case,
// and says what is wrong.
//
// A Breach's texts are for a person; the table gives the rule's id. Concurrency: pure functions. Source:
// SPEC §6.

#include <optional>
#include <string>

#include "protocol/process/clocks.h"
#include "protocol/process/record.h"
#include "protocol/process/registry.h"
#include "protocol/process/rules.h"
#include "tocsin/v1/case.pb.h"

namespace tocsin::protocol {

struct Judged {
  const v1::Case& state;
  const RecordView& record;
  const FoldContext& context;
  const v1::ReceiverState* entry = nullptr;  // of the node whose ledger it is
  const v1::Matter* matter = nullptr;        // that the record goes on with

  const ValidEvent& event() const { return *record.event; }
  const v1::OriginState& origin() const { return state.origin(); }
  std::uint64_t time() const { return record.leaf.time_ms; }
  Clocks clocks() const { return Clocks::at(context.registry, record.index); }
};

struct Breach {
  std::string message;
  std::string fix = {};
};
using Found = std::optional<Breach>;

std::string quoted(const ValidEvent& event);
// Whether two keys are one person's, by the ledger's registry.
bool same_person(const Judged& judged, const KeyId& one, const KeyId& other);

namespace check {

// By itself (record_checks.cc).
Found submitter_known(const Judged& j);
Found issuer_key_known(const Judged& j);
Found ends_in_time(const Judged& j);
Found involvement_fits(const Judged& j);
Found review_complete(const Judged& j);
Found reviewed_before(const Judged& j);  // slot 11
Found review_attested(const Judged& j);
Found opinion_attested(const Judged& j);
Found first_slot_before(const Judged& j);
Found second_slot_before(const Judged& j);
Found third_slot_before(const Judged& j);
Found fourth_slot_before(const Judged& j);
Found applied_before(const Judged& j);
Found group_named(const Judged& j);
Found publication_ends(const Judged& j);
Found hold_ends_later(const Judged& j);
Found due_after(const Judged& j);
Found due_in_time(const Judged& j);
Found matching_stopped(const Judged& j);
Found range_ordered(const Judged& j);
Found notice_complete(const Judged& j);
Found window_long_enough(const Judged& j);
Found deferral_grounded(const Judged& j);
Found deferral_short(const Judged& j);
Found appeal_due_in_time(const Judged& j);
Found decided_by_officer(const Judged& j);
Found dispute_due_in_time(const Judged& j);

// In its case, the issuer's (case_checks.cc).
Found right_signal(const Judged& j);
Found by_another_person(const Judged& j);
Found by_a_third_person(const Judged& j);
Found review_stands(const Judged& j);
Found second_review_stands(const Judged& j);
Found not_ended(const Judged& j);
Found ends_with_signal(const Judged& j);
Found not_overturned(const Judged& j);
Found supersedes_last(const Judged& j);
Found amended_end_in_time(const Judged& j);
Found hold_is_set(const Judged& j);
Found nothing_pending(const Judged& j);
Found recipients_named(const Judged& j);
Found completes_retraction(const Judged& j);
Found overdue_retraction(const Judged& j);

// In its case, a receiver's (matter_checks.cc).
Found acts_on_review(const Judged& j);
Found begins_chain(const Judged& j);
Found begins_at_origin(const Judged& j);
Found one_notice(const Judged& j);
Found notice_of_statement(const Judged& j);
Found deferred_once_more(const Judged& j);
Found same_appeal(const Judged& j);
Found by_fresh_eyes(const Judged& j);
Found undoes_action(const Judged& j);

}  // namespace check
}  // namespace tocsin::protocol
