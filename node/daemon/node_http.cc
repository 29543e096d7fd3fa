#include "node/daemon/node_parts.h"
#include "node/http/operations.h"

namespace tocsin::node {
Status Node::Parts::open_http() {
  TRY_ASSIGN(media, MediaHasher::make(
                        {config.media_worker.empty() ? MediaHasher::default_worker() : config.media_worker}));
  TRY_ASSIGN(tokens, Tokens::open(config.token_file_path()));
  admin.reset(new AdminParts{
      *ledger, runtime, *store, *members, *signals, *desk, *media, *tokens, metrics,
      [this] { return descriptor(); },
      [this](const Hash& peer) {
        const Sync::PeerStatus status = sync->status(peer);
        const std::lock_guard lock(refusals_mu);
        const Refusal& refusal = refusals[peer];
        return PeerProgress{status.connected,  status.held,   status.head_size, status.last_sync_ms,
                            status.last_error, refusal.at_ms, refusal.reason,   status.notice};
      },
      [this](const Hash& peer) { port->drop(peer); }, [this] { schedule_join(0); },
      [this] {
        const std::lock_guard lock(refusals_mu);
        return join_trouble;
      },
      [this](const v1::RotateRequest& request) { return rotate(request); },
      [this](const v1::ExportRequest& request) { return ledger_export->run(request); },
      [this](const v1::BackupRequest& request) { return upkeep->backup(request); },
      [this] { return upkeep->fsck(); }, [this] { return node::witnessing(*witness_calls); }, gossip.get()});
  upkeep = std::make_unique<Upkeep>(
      Upkeep::Parts{config, *store, *ledger, runtime, metrics, [this] { return descriptor(); }});
  upkeep->start_scrub();
  router = std::make_unique<Router>(tokens.get());
  add_operations_routes(*router, metrics, [this]() -> Status {
    if (store->broken())
      return fail(Code::kUnavailable,
                  "a write to the store failed: nothing is taken until the node is restarted",
                  "storage/broken");
    const std::lock_guard lock(alarm_mu);
    if (!alarm.empty()) return fail(Code::kFailedPrecondition, alarm, "ledger/forked");
    return room->health();
  });
  add_security_txt(*router, config.security_contact, runtime);
  add_admin_routes(*router, *admin);
  add_witness_calls(*router, *witness_calls);
  add_api_routes(*router, *admin);
  http = std::make_unique<HttpServer>(runtime, *router, metrics);
  if (!config.http_listen.empty()) {
    TRY_ASSIGN(http_port, http->listen_tcp(config.http_listen));
  }
  return http->listen_unix(config.admin_socket_path());
}

Status Node::Parts::open_read_plane() {
  if (config.read_listen.empty()) return {};
  TRY_ASSIGN(read_plane, ReadPlane::open({config, runtime, metrics, *ledger,
                                          [this] { return witnessed->published(); }, *cosigner,
                                          [this](ByteView der) -> Status {
                                            TRY_ASSIGN(const PeerCertificate client, read_certificate(der));
                                            const LinkVerdict verdict = judge(client);
                                            if (!verdict.refused) return {};
                                            return fail(*verdict.refused, verdict.reason, "tls/member");
                                          }},
                                         keys.back()->tls));
  return {};
}

}  // namespace tocsin::node
