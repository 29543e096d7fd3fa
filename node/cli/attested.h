#pragma once
// Records that a person signs before the daemon sees them: reviews and opinions (SPEC §4, attestation).
//
// The slots and the class-A key are made here, the signature too; the daemon can only take the record as it
// is or refuse it. Several signals of one issuer make one batch record. Errors: of the calls and of
// protocol/process. Concurrency: one thread.

#include <string>
#include <vector>

#include "node/cli/person_key.h"
#include "node/cli/session.h"
#include "protocol/process/event.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {

// What a record of a person is about, as the daemon resolved it.
struct Subject {
  protocol::Event
      event{};  // asked for; REVIEWED becomes RECEIVER_REVIEWED when the signals are another node's
  v1::SubjectReply reply;
};
Result<Subject> resolve_subject(Session& session, const std::vector<std::string>& signals,
                                protocol::Event event);

// Adds what it covers and whose it is to `slots`, signs, sends. `person` is null for an opinion nobody
// attests.
Result<v1::RecordReply> send_attested(Session& session, const Subject& subject,
                                      std::vector<protocol::SlotValue> slots, const PersonKey* person,
                                      const std::string& facts);

}  // namespace tocsin::cli
