#include "protocol/process/effective.h"

#include "protocol/identity/ids.h"
#include "tests/protocol/process/sample_events.h"
#include "tests/support/catch.h"

namespace tocsin::protocol {
namespace {

using test::filled;

constexpr std::uint64_t kNow = 1'700'000'000'000;
const Hash kIssuer = filled(1);
const Hash kMe = filled(2);
const Hash kOther = filled(3);

v1::Case live() {
  v1::Case out;
  out.set_signal(std::string(32, 's'));
  out.set_issuer(to_string(kIssuer));
  out.add_labels("terror");
  out.mutable_origin()->set_phase(v1::LIVE);
  out.mutable_origin()->set_valid_until_ms(kNow + 1);
  return out;
}

v1::ReceiverState& receiver(v1::Case& state, const Hash& node) {
  for (auto& known : *state.mutable_receivers())
    if (known.node() == to_string(node)) return known;
  v1::ReceiverState& out = *state.add_receivers();
  out.set_node(to_string(node));
  return out;
}

void opine(v1::Case& state, const Hash& node, v1::Stance stance, std::uint32_t basis = 1) {
  v1::ReceiverState& out = receiver(state, node);
  out.set_stance(stance);
  out.set_stance_basis(basis);
  out.set_label_set(to_string(labels_of(state)));
}

std::string seen(const v1::Case& state, const Hash& self, std::uint64_t now = kNow) {
  const Effective got = effective(state, self, now);
  CHECK_FALSE(got.reason.empty());
  return std::string(got.state) + " " + std::string(handling_name(got.handling));
}

TEST_CASE("a node's own signal alerts once reviewed, another's once confirmed") {
  v1::Case state = live();
  CHECK(seen(state, kIssuer) == "LIVE alert");
  CHECK(seen(state, kMe) == "HELD review");
  receiver(state, kMe).set_phase(v1::ACTIONABLE);
  CHECK(seen(state, kMe) == "ACTIONABLE alert");
  receiver(state, kMe).set_phase(v1::DECLINED);
  CHECK(seen(state, kMe) == "DECLINED none");
  state.mutable_origin()->set_phase(v1::SHAREABLE);
  CHECK(seen(state, kIssuer) == "SHAREABLE alert");
  CHECK(seen(state, kOther) == "SHAREABLE none");
  state.mutable_origin()->set_phase(v1::DRAFT);
  CHECK(seen(state, kIssuer) == "DRAFT none");
  CHECK(seen(v1::Case(), kMe) == "UNKNOWN none");
}

TEST_CASE("a person's no anywhere silences the signal, a machine's does not") {
  v1::Case state = live();
  receiver(state, kMe).set_phase(v1::ACTIONABLE);
  opine(state, kOther, v1::NEGATIVE, 2);
  CHECK(seen(state, kMe) == "ACTIONABLE alert");
  opine(state, kOther, v1::NEGATIVE, 1);
  CHECK(seen(state, kMe) == "DISPUTED none");
  CHECK(seen(state, kIssuer) == "DISPUTED none");
  CHECK(seen(state, kOther) == "NEGATIVE none");
  CHECK(effective(state, kMe, kNow).negative == 1);
}

TEST_CASE("a node's own opinion outweighs everybody else's") {
  v1::Case state = live();
  receiver(state, kMe).set_phase(v1::ACTIONABLE);
  opine(state, kOther, v1::NEGATIVE);
  opine(state, kMe, v1::POSITIVE);
  CHECK(seen(state, kMe) == "ACTIONABLE alert");
  opine(state, kMe, v1::NEGATIVE);
  CHECK(seen(state, kMe) == "NEGATIVE none");
  opine(state, kMe, v1::SEED);
  CHECK(seen(state, kMe) == "DISPUTED none");
  CHECK(effective(state, kMe, kNow).seed == 1);
}

TEST_CASE("an opinion about other labels is void") {
  v1::Case state = live();
  opine(state, kOther, v1::NEGATIVE);
  opine(state, kMe, v1::NEGATIVE);
  state.add_labels("gore");
  CHECK(seen(state, kMe) == "HELD review");
  CHECK(effective(state, kMe, kNow).negative == 0);
}

TEST_CASE("retraction, expiry and refusal silence everybody, whatever they think") {
  const auto silent = [](auto change, std::string_view expected) {
    v1::Case state = live();
    opine(state, kMe, v1::POSITIVE);
    receiver(state, kMe).set_phase(v1::ACTIONABLE);
    change(state);
    INFO(expected);
    for (const Hash& self : {kMe, kIssuer, kOther}) CHECK(seen(state, self) == expected);
  };
  silent([](auto& s) { s.mutable_origin()->set_phase(v1::RETRACTING); }, "RETRACTED none");
  silent([](auto& s) { s.mutable_origin()->set_retraction_ms(1); }, "RETRACTED none");
  silent([](auto& s) { s.mutable_origin()->set_phase(v1::EXPIRED); }, "EXPIRED none");
  silent([](auto& s) { s.mutable_origin()->set_valid_until_ms(kNow); }, "EXPIRED none");
  silent([](auto& s) { s.mutable_origin()->set_phase(v1::REFUSED); }, "REFUSED none");
  silent([](auto& s) { s.mutable_origin()->set_refused_rule("R1"); }, "REFUSED none");
  v1::Case applied = live();
  receiver(applied, kMe).set_phase(v1::CLOSED);
  CHECK(seen(applied, kMe) == "RETRACTED none");
}

TEST_CASE("the issuer sees who has not answered its retraction") {
  v1::Case state = live();
  state.mutable_origin()->set_phase(v1::RETRACTING);
  state.mutable_origin()->set_retraction_ms(kNow);
  state.mutable_origin()->set_retraction_due_ms(kNow);
  state.mutable_origin()->set_retraction_reason(1);
  state.mutable_origin()->add_recipients(to_string(kMe));
  CHECK(seen(state, kIssuer) == "RETRACTING none");
  CHECK(effective(state, kIssuer, kNow + 1).reason ==
        "its issuer retracted it: FALSE_POSITIVE; 1 member has not answered, overdue");
  CHECK(seen(state, kMe) == "RETRACTED none");
}

TEST_CASE("retraction reasons have the names of the closed list") {
  CHECK(retraction_reason_name(1) == "FALSE_POSITIVE");
  CHECK(retraction_reason_name(11) == "EXPIRED");
  CHECK(retraction_reason_name(0) == "UNKNOWN");
  CHECK(retraction_reason_name(12) == "UNKNOWN");
}

}  // namespace
}  // namespace tocsin::protocol
