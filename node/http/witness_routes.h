#pragma once
// The witness's one call for anybody, POST <prefix>/add-checkpoint (C2SP tlog-witness), and the operator's
// calls about who cosigns this ledger.
//
// A change of the policy is a WITNESS_POLICY record, durable before the answer; its text is then written to
// `policy_file` for who wants a tlog-policy. Errors: policy_text.h's; kNotFound "witness/name" for a member
// without a cosigner key; kUnavailable "witness/file" when the record stands and the file could not be
// written. Concurrency: handlers run on Lane::kWorkers, several at a time. Source: SPEC §12.

#include <string>

#include "node/http/router.h"
#include "node/ledger/ledger.h"
#include "node/members/members.h"
#include "node/witness/cosigner.h"
#include "node/witness/witnessed.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

// `cosigner` outlives the router.
void add_witness_route(Router& router, Cosigner& cosigner, const std::string& prefix);

struct WitnessCalls {
  Ledger& ledger;
  const Members& members;
  const Witnessed& witnessed;
  const Cosigner& cosigner;
  std::string policy_file;
  std::function<std::string()> alarm;  // of a witness that holds another history; empty: none
  // The root key's word that `after` replaces `before`, the quorum of `before` being lost (SPEC §12).
  std::function<crypto::Signature(std::string_view before, std::string_view after, std::string_view reason)>
      sign_override;
};
v1::Witnessing witnessing(const WitnessCalls& calls);
// Our ledger's key, as it signs now.
protocol::VerifierKey log_vkey(const Ledger& ledger);
// `calls` outlives the router.
void add_witness_calls(Router& router, const WitnessCalls& calls);

}  // namespace tocsin::node
