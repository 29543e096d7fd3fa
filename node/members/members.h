#pragma once
// Members: the network we belong to and who may talk to us: invitations, candidates, members, suspensions.
//
// Membership is what the ledger says: every change is a record, made here as an Append for the caller to
// commit, and the peer rows that the link asks are written in the same commit. A stranger learns nothing but
// that it is not known. Errors: kAlreadyExists, kNotFound, kFailedPrecondition, kPermissionDenied; rules
// "network/...", "peer/...". Concurrency: any thread; changes are committed by the ledger's sequencer.
// Source: SPEC §7, §8; cli.md "Join a network".

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/ledger/ledger.h"
#include "node/runtime/runtime.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/invitation.h"
#include "storage/peer_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {

inline constexpr std::uint64_t kInvitationHoursMax = 24 * 14;
inline constexpr std::size_t kCandidatesMax = 100;  // invited nodes waiting for the operator

class Members {
 public:
  Members(storage::Store& store, Ledger& ledger, Runtime& runtime)
      : store_(store), peers_(store), ledger_(ledger), runtime_(runtime) {}

  Result<std::optional<v1::NetworkRow>> network() const;
  Result<Append> create_network(const std::string& name, const std::string& charter) const;

  struct Invited {
    Append append;
    v1::Invitation invitation;
  };
  Result<Invited> invite(const std::string& peer_name, std::uint64_t valid_ms,
                         const protocol::ValidDescriptor& self) const;

  // The inviter's side of a join: judged, then remembered as a candidate. `reply` is right once `append` is
  // durable.
  struct Candidate {
    std::optional<Append> append;  // nothing to write when it came before
    v1::JoinReply reply;
  };
  Candidate on_join(const v1::JoinRequest& request, const FixedBytes<32>& tls_exporter) const;
  // `peer`: its name or fingerprint; `fingerprint`: as confirmed out of band; confirmed_by as in
  // MEMBER_ADDED.
  Result<Append> accept(const std::string& peer, const Hash& fingerprint, unsigned confirmed_by) const;

  // The invitee's side: remember what to follow, then what the inviter answered.
  Result<Append> follow(const v1::Invitation& invitation, unsigned confirmed_by) const;
  Result<std::optional<v1::JoinRow>> following() const;
  Result<Append> answered(const v1::JoinRow& row, const v1::JoinReply& reply,
                          const protocol::ValidDescriptor& inviter) const;

  Result<Append> suspend(const std::string& peer, const std::string& reason) const;
  // A peer in quarantine only `despite_evidence`: rule "peer/quarantined".
  Result<Append> resume(const std::string& peer, const std::string& reason,
                        bool despite_evidence = false) const;

  // By name, fingerprint, or an unambiguous beginning of either.
  Result<v1::PeerRow> find(const std::string& peer) const;
  Result<std::vector<v1::PeerRow>> list() const { return peers_.list(); }
  Result<std::optional<v1::PeerRow>> row(const Hash& peer) const { return peers_.get(peer); }
  // A descriptor newer than the one on file, seen in a certificate that the link accepted.
  Append learned(const v1::PeerRow& row, const protocol::ValidDescriptor& descriptor) const;
  // For members that a coordinator's record has just added: an active peer row where there is none.
  // Rows that our own ledger says should be there and the store has lost: the network, members added, peers
  // suspended or resumed. `registry` is that ledger's; `since_ms` stands for when.
  static Status restore_rows(storage::Batch& batch, const storage::Store& store,
                             const protocol::Registry& registry, const Hash& self, std::uint64_t since_ms);
  static Status add_rows(Changes& changes, const std::vector<Draft>& mirrored, std::uint64_t now_ms);

 private:
  Append standing_append(v1::PeerRow row, const std::string& reason, bool suspended) const;

  storage::Store& store_;
  const storage::PeerStore peers_;
  Ledger& ledger_;
  Runtime& runtime_;
};

}  // namespace tocsin::node
