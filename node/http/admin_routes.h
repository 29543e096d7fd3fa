#pragma once
// The operator's calls (admin.proto's table), each a few lines over the rooms that do the work.
//
// Whatever changes something waits for the commit: an answer means durable. What needs the peer port, the
// keystore or the file system comes in as a function, so that this room knows neither. Concurrency: handlers
// run on Lane::kWorkers, several at a time. Source: protocol/proto/tocsin/v1/admin.proto; cli.md.

#include <functional>
#include <string>

#include "node/cases/desk.h"
#include "node/gossip/gossip.h"
#include "node/http/router.h"
#include "node/ledger/ledger.h"
#include "node/media/media_hasher.h"
#include "node/members/members.h"
#include "node/metrics/metrics.h"
#include "node/signals/signals.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::node {

// What the operator sees of a peer's conversation.
struct PeerProgress {
  bool connected = false;
  std::uint64_t held = 0;
  std::uint64_t head_size = 0;
  std::uint64_t last_sync_ms = 0;
  std::string last_error;
  std::uint64_t last_refusal_ms = 0;
  std::string last_refusal;
  std::string notice;
};

struct AdminParts {
  Ledger& ledger;
  Runtime& runtime;
  const storage::Store& store;
  const Members& members;
  const Signals& signals;
  const Desk& desk;
  MediaHasher& media;
  Tokens& tokens;
  Metrics& metrics;
  std::function<protocol::ValidDescriptor()> descriptor;  // ours, now
  std::function<PeerProgress(const Hash& peer)> progress;
  std::function<void(const Hash& peer)> drop_links;
  std::function<void()> ask_inviter;          // at once, now that there is an invitation to follow
  std::function<std::string()> join_trouble;  // why nobody has answered yet; empty when nothing is known
  std::function<Result<v1::RotateReply>(const v1::RotateRequest&)> rotate;
  std::function<Result<v1::ExportReply>(const v1::ExportRequest&)> export_bundle;
  std::function<Result<v1::BackupReply>(const v1::BackupRequest&)> backup;
  std::function<Result<v1::FsckReply>()> fsck;
  std::function<v1::Witnessing()> witnessing = nullptr;
  const Gossip* gossip = nullptr;
};

// `parts` outlives the router.
void add_admin_routes(Router& router, const AdminParts& parts);
// Of these, what concerns networks and peers, and what concerns signals and files.
void add_network_routes(Router& router, const AdminParts& parts);
// Proofs of equivocation in our ledger.
void add_evidence_routes(Router& router, const AdminParts& parts);
void add_signal_routes(Router& router, const AdminParts& parts);
void add_case_routes(Router& router, const AdminParts& parts);  // actions and appeals
// POST /v1/match for platforms: JSON hashes or a file, with a token of scope "match".
void add_api_routes(Router& router, const AdminParts& parts);

// Waits for the append on the calling thread, which is a worker's.
Result<Appended> commit(Ledger& ledger, Append append);

}  // namespace tocsin::node
