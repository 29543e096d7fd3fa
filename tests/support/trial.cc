#include "tests/support/trial.h"

#include "protocol/log/policy.h"
#include "protocol/verify/verifier.h"

namespace tocsin::test {

using namespace protocol;

namespace {

std::string short_rule(const std::string& rule) {
  const std::size_t slash = rule.rfind('/');
  return slash == std::string::npos ? rule : rule.substr(slash + 1);
}

// Deadlines are what time does to a ledger, not what a record breaks.
bool judges_record(const Finding& finding) {
  return finding.code.starts_with("V9.") || finding.code == "V10.rule" || finding.code == "V11.due";
}

}  // namespace

Trial::Trial(const TestNode& node, const std::vector<const TestNode*>& members, std::string_view charter)
    : node_(node), builder_(node) {
  node_event(Event::kGenesis, genesis_slots(node));
  node_event(Event::kKeyAdded, key_slots(node.submitter, 3, next_ms()));
  node_event(Event::kKeyAdded, key_slots(node.reviewer, 2, next_ms()));
  Slots second = key_slots(node.second_reviewer, 2, next_ms());
  set_slot(second, slot_text(2, "another reviewer"));
  node_event(Event::kKeyAdded, second);
  for (const TestNode* member : members)
    if (member != &node) node_event(Event::kMemberAdded, member_slots(*member));
  Slots network = charter_slots(*members.front());
  set_slot(network, slot_text(3, charter));
  node_event(Event::kCharterVersion, network);
  node_event(Event::kDisclosed, disclosed_slots({}, 2, 1'000'000));
  node_event(Event::kGroupSet, group_slots(*members.front(), members, 1));
}

std::string Trial::node_event(Event event, Slots slots) {
  return add(event, node_chain(node_), std::move(slots));
}

std::string Trial::add(Event event, const Hash& chain, Slots slots, const crypto::SigningKey* signer) {
  const std::uint64_t index = signer == nullptr
                                  ? builder_.append(event, chain, std::move(slots))
                                  : builder_.append_attested(event, chain, std::move(slots), *signer);
  const BuiltRecord& record = builder_.records()[index];
  auto parsed = ValidEvent::parse(event, record.slots);
  CHECK_INVARIANT(parsed.has_value());
  events_.push_back(std::make_unique<ValidEvent>(std::move(*parsed)));
  RecordView view{index, record.leaf, builder_.hash_of(index), events_.back().get(), {}};
  std::copy(record.key_a.begin(), record.key_a.end(), view.key_a.begin());
  views_.push_back(view);
  std::string rule;
  if (is_node_event(event)) {
    const Status judged = registry_.judge(view, node_.fingerprint);
    if (judged)
      registry_.apply(view);
    else
      rule = short_rule(judged.error().rule);
  } else {
    rule = judge(view, {node_.fingerprint, registry_, false, true}, own_, received_);
  }
  said_.push_back(rule);
  ++counted_[rule];
  if (!rule.empty()) ++refusals_;
  return rule;
}

std::string Trial::judge(const RecordView& view, const FoldContext& context, Cases& own,
                         Received& received) const {
  const Status alone = judge_record(view, context);
  FoldContext there = context;
  there.record_judged = true;
  std::string rule = alone ? "" : short_rule(alone.error().rule);
  const Error* broken = alone ? nullptr : &alone.error();
  const Covered over = covered(view.leaf, *view.event);
  for (const Hash& id : over.ids) {
    v1::Case* state = nullptr;
    if (over.kind == Covered::Kind::kSignals) {
      state = &received[{over.origin, id}];
      state->set_signal(to_string(id));
      state->set_issuer(to_string(over.origin));
    } else {
      state = &own[id];
    }
    const Status judged = take(*state, view, there, broken);
    if (!judged && rule.empty()) rule = short_rule(judged.error().rule);
  }
  return rule;
}

std::string Trial::disagreement() const {
  std::map<std::uint64_t, std::set<std::string>> audited;
  VerifyOptions options;
  options.policy = *Policy::parse(policy_text(node_));
  const Audit audit = verify_bundle(builder_.bundle(), options);
  for (const auto& finding : audit.report.findings())
    if (judges_record(finding)) audited[finding.index.value_or(UINT64_MAX)].insert(finding.rule);
  Cases own;
  Received received;
  const std::function<bool(std::uint64_t)> shown = [&](std::uint64_t index) { return index < views_.size(); };
  for (const RecordView& view : views_) {
    const std::string& appended = said_[view.index];
    std::string received_as;
    if (!is_node_event(view.event->event()))
      received_as = judge(view, {node_.fingerprint, registry_, false, false, &shown}, own, received);
    else
      received_as = appended;
    const std::set<std::string>& findings = audited[view.index];
    const std::string found = findings.empty() ? "" : *findings.begin();
    if (appended == received_as && appended == found && findings.size() <= 1) continue;
    return "record " + std::to_string(view.index) + ", " + std::string(event_name(view.event->event())) +
           ": appended \"" + appended + "\", received \"" + received_as + "\", audited \"" + found + "\" (" +
           std::to_string(findings.size()) + ")\n" + summary(audit);
  }
  return {};
}

}  // namespace tocsin::test
