// What due process asks of a node at once, without anybody's decision.
#include <algorithm>

#include "crypto/hash.h"
#include "node/cases/desk.h"
#include "protocol/process/case_state.h"
#include "protocol/process/clocks.h"
#include "protocol/process/matter.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

using protocol::Event;
using protocol::slot_bytes;
using protocol::slot_number;
using protocol::SlotType;

constexpr std::uint32_t kAppealUpheld = 4;  // RETRACTION_ISSUED, slot 0: the person won

// The same step taken twice, after a restart say, has one effect.
IdempotencyKey key_for(std::string_view step, const std::string& what) {
  const Hash digest = crypto::sha256(as_view(std::string(step) + what));
  IdempotencyKey key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

bool has_appeal(const v1::ReceiverState* mine, const std::string& appeal) {
  return mine != nullptr && std::any_of(mine->matters().begin(), mine->matters().end(),
                                        [&](const v1::Matter& matter) { return matter.appeal() == appeal; });
}

bool opens_here(const v1::Matter& matter, const v1::ReceiverState* mine) {
  return matter.foreign() && protocol::is_open_appeal(matter) && !has_appeal(mine, matter.appeal());
}

bool to_be_undone(const v1::Case& state, const v1::Matter& matter) {
  return state.origin().retraction_ms() != 0 && state.origin().retraction_reason() == kAppealUpheld &&
         matter.taken_ms() != 0 && matter.reinstated_ms() == 0;
}

}  // namespace

bool Desk::asks(const v1::Case& value) const {
  const std::string self = to_string(ledger_.self());
  const v1::ReceiverState* mine = protocol::find_receiver(value, ledger_.self());
  for (const v1::ReceiverState& receiver : value.receivers())
    for (const v1::Matter& matter : receiver.matters()) {
      if (receiver.node() == self && to_be_undone(value, matter)) return true;
      if (receiver.node() != self && value.issuer() == self && opens_here(matter, mine)) return true;
    }
  return false;
}

Draft Desk::appeal_record(const v1::Case& state, const v1::Matter& theirs, const Subject& subject) const {
  const std::uint64_t now = runtime_.now_ms();
  const auto clocks = protocol::Clocks::at(*ledger_.registry(), ledger_.size());
  const std::uint64_t latest = now + clocks.ms(protocol::Clock::kAppealDecided);
  return draft(
      state, Event::kAppealReceived, subject,
      {slot_bytes(0, SlotType::kHash, as_view(theirs.appeal())), slot_number(1, SlotType::kTime, now),
       slot_number(2, SlotType::kTime, std::clamp(theirs.appeal_due_ms(), now, latest)),
       slot_bytes(3, SlotType::kHash, as_view(theirs.channel())), slot_number(4, SlotType::kEnum, 1),
       slot_bytes(5, SlotType::kHash, as_view(theirs.appeal_statement()))});
}

std::vector<Append> Desk::follow_up(const v1::Case& value) const {
  std::vector<Append> out;
  const std::string self = to_string(ledger_.self());
  const v1::ReceiverState* mine = protocol::find_receiver(value, ledger_.self());
  for (const v1::ReceiverState& receiver : value.receivers()) {
    for (const v1::Matter& matter : receiver.matters()) {
      if (receiver.node() == self && to_be_undone(value, matter)) {
        constexpr std::uint64_t kByRetraction = 4;
        Append append;
        append.key = key_for("undone", matter.chain());
        undo({value, matter}, kByRetraction, false, append);
        out.push_back(std::move(append));
      }
      if (receiver.node() == self || value.issuer() != self || !opens_here(matter, mine)) continue;
      FixedBytes<16> fresh;
      runtime_.fill_random(fresh);
      const Subject subject = Subject::of_batch(fresh);
      Append append;
      append.key = key_for("opened", matter.appeal());
      append.drafts.push_back(appeal_record(value, matter, subject));
      append.drafts.push_back(draft(value, Event::kAppealAcked, subject,
                                    {slot_bytes(0, SlotType::kHash, as_view(matter.appeal())),
                                     slot_number(1, SlotType::kTime, runtime_.now_ms())}));
      out.push_back(std::move(append));
    }
  }
  return out;
}

}  // namespace tocsin::node
