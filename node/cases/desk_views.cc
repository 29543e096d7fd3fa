// What people see of appeals: the list, the one page, what is owed when.
#include <algorithm>

#include "crypto/base/encoding.h"
#include "node/cases/desk.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/clocks.h"
#include "protocol/process/effective.h"
#include "protocol/process/matter.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

Hash hash_of(const std::string& bytes) {
  const auto hash = fixed<32>(as_view(bytes), "a stored hash");
  CHECK_INVARIANT(hash.has_value());
  return *hash;
}

std::string state_word(v1::MatterPhase phase) {
  return phase == v1::MATTER_PHASE_UNSPECIFIED ? "-" : v1::MatterPhase_Name(phase);
}

std::string outcome_word(std::uint32_t outcome) {
  const auto* spec = protocol::find_slot(protocol::Event::kAppealDecided, 1);
  return outcome == 0 ? std::string() : std::string(protocol::enum_word(*spec, outcome));
}

// A node's matter that an appeal is about; of several the one that carries the appeal itself.
const v1::Matter* matter_with(const v1::ReceiverState& entry, const std::string& appeal) {
  for (const v1::Matter& matter : entry.matters())
    if (matter.appeal() == appeal) return &matter;
  return nullptr;
}

}  // namespace

v1::AppealParty Desk::party_of(const v1::Case& state, const Hash& node, const std::string& channel) const {
  v1::AppealParty party;
  const std::string id = to_string(node);
  party.set_node(signals_.name_of(id));
  party.set_role(id == state.issuer() ? "origin" : id == channel ? "channel" : "receiver");
  const v1::ReceiverState* entry = protocol::find_receiver(state, node);
  std::uint32_t undone = 0;
  v1::MatterPhase phase = v1::MATTER_PHASE_UNSPECIFIED;
  const int matters = entry == nullptr ? 0 : entry->matters_size();
  for (int i = 0; i < matters; ++i) {
    const v1::Matter& matter = entry->matters(i);
    if (matter.taken_ms() != 0) {
      party.set_actions(party.actions() + 1);
      party.set_acted_ms(party.acted_ms() == 0 ? matter.taken_ms()
                                               : std::min(party.acted_ms(), matter.taken_ms()));
      party.set_told_ms(std::max(party.told_ms(), matter.notice_ms()));
      undone += matter.reinstated_ms() != 0;
      party.set_put_right_ms(std::max(party.put_right_ms(), matter.reinstated_ms()));
    }
    phase = std::max(phase, matter.phase());
  }
  party.set_state(state_word(phase));
  if (undone < party.actions()) party.clear_put_right_ms();
  if (entry != nullptr) party.set_stopped_ms(entry->applied_ms());
  const auto& recipients = state.origin().recipients();
  const bool must_answer = state.origin().retraction_ms() != 0 &&
                           std::find(recipients.begin(), recipients.end(), id) != recipients.end();
  if (must_answer && (entry == nullptr || entry->phase() != v1::CLOSED)) {
    party.set_waiting("has not answered the retraction");
    party.set_due_ms(state.origin().retraction_due_ms());
  } else if (state.origin().retraction_ms() != 0 && undone < party.actions()) {
    party.set_waiting("has not put " + std::to_string(party.actions() - undone) + " of its actions right");
    party.set_due_ms(state.origin().retraction_due_ms());
  } else if (entry != nullptr) {
    for (const v1::Matter& matter : entry->matters())
      if (protocol::is_open_appeal(matter) && state.origin().retraction_ms() == 0) {
        party.set_waiting("has not decided");
        party.set_due_ms(matter.appeal_due_ms());
      }
  }
  return party;
}

v1::AppealView Desk::view_of(const v1::Case& state, const std::string& appeal) const {
  v1::AppealView view;
  const std::string self = to_string(ledger_.self());
  view.set_id(print_appeal(appeal));
  view.set_signal(protocol::print_signal_id(hash_of(state.signal())));
  view.set_origin(signals_.name_of(state.issuer()));
  std::string channel;
  std::set<Hash> nodes = {hash_of(state.issuer())};
  for (const std::string& recipient : state.origin().recipients()) nodes.insert(hash_of(recipient));
  for (const v1::ReceiverState& receiver : state.receivers()) {
    if (receiver.matters_size() != 0) nodes.insert(hash_of(receiver.node()));
    const v1::Matter* matter = matter_with(receiver, appeal);
    if (matter == nullptr) continue;
    channel = matter->channel();
    // The origin's word counts for everybody, else the channel's.
    if (view.received_ms() == 0 || receiver.node() == state.issuer()) {
      view.set_state(state_word(matter->phase()));
      view.set_due_ms(matter->appeal_due_ms());
      view.set_decided_ms(matter->decided_ms());
      view.set_outcome(outcome_word(matter->outcome()));
    }
    if (receiver.node() == channel || view.received_ms() == 0) view.set_received_ms(matter->appeal_ms());
    if (receiver.node() != self) continue;
    view.set_ours(protocol::is_open_appeal(*matter));
    if (matter->taken_ms() != 0) view.set_action(print_action(matter->chain()));
  }
  if (!channel.empty()) {
    view.set_channel(signals_.name_of(channel));
    nodes.insert(hash_of(channel));
  }
  if (state.origin().retraction_ms() != 0)
    view.set_retraction(std::string(protocol::retraction_reason_name(state.origin().retraction_reason())));
  for (const Hash& node : nodes) *view.add_parties() = party_of(state, node, channel);
  return view;
}

Result<v1::AppealView> Desk::show(const std::string& appeal) const {
  constexpr std::size_t kPrefixMin = 4;
  std::map<std::string, v1::Case> found;
  if (appeal.size() >= kPrefixMin)
    each([&](const v1::Case& state) {
      for (const v1::ReceiverState& receiver : state.receivers())
        for (const v1::Matter& matter : receiver.matters())
          if (!matter.appeal().empty() && hex_encode(as_view(matter.appeal())).starts_with(appeal))
            found.emplace(matter.appeal(), state);
    });
  if (found.empty())
    return fail(Error{Code::kNotFound,
                      "no appeal here is called " + appeal,
                      "appeal/unknown",
                      {},
                      "tocsin appeal list --all"});
  if (found.size() > 1)
    return fail(Code::kInvalidArgument, appeal + " fits more than one: give more characters",
                "appeal/ambiguous");
  return view_of(found.begin()->second, found.begin()->first);
}

v1::AppealListReply Desk::list(bool all) const {
  v1::AppealListReply reply;
  each([&](const v1::Case& state) {
    std::set<std::string> appeals;
    for (const v1::ReceiverState& receiver : state.receivers())
      for (const v1::Matter& matter : receiver.matters())
        if (!matter.appeal().empty()) appeals.insert(matter.appeal());
    for (const std::string& appeal : appeals) {
      v1::AppealView view = view_of(state, appeal);
      if (all || view.ours()) *reply.add_appeals() = std::move(view);
    }
  });
  std::sort(reply.mutable_appeals()->begin(), reply.mutable_appeals()->end(),
            [](const auto& a, const auto& b) { return a.due_ms() < b.due_ms(); });
  return reply;
}

v1::DeadlinesReply Desk::deadlines() const {
  const std::uint64_t now = runtime_.now_ms();
  v1::DeadlinesReply reply;
  each([&](const v1::Case& state) {
    for (const protocol::Deadline& owed : protocol::deadlines_of(state, ledger_.self())) {
      if (owed.met_ms) continue;
      v1::DeadlineView& view = *reply.add_deadlines();
      view.set_clock(std::string(protocol::clock_name(owed.clock)));
      view.set_rule(std::string(protocol::clock_rule(owed.clock)));
      view.set_due_ms(owed.due_ms);
      view.set_late(owed.late(now));
      view.set_signal(protocol::print_signal_id(hash_of(state.signal())));
      view.set_index(owed.index);
    }
  });
  std::sort(reply.mutable_deadlines()->begin(), reply.mutable_deadlines()->end(),
            [](const auto& a, const auto& b) { return a.due_ms() < b.due_ms(); });
  return reply;
}

}  // namespace tocsin::node
