#pragma once
// FeedOwner: our own ledger as a peer may read it: every leaf in order, and the openings the peer is entitled
// to, sealed to it (SPEC §5, §7). The link has told who asks.
//
// Guarantee: no opening of a record leaves that is not addressed to the caller: its audience names a group
// the caller is in now, or every member. Pages are bounded by bytes, and hold at least one record. Errors:
// kOutOfRange for a cursor beyond our ledger, kPermissionDenied for a stranger. Concurrency: any thread.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "crypto/hpke.h"
#include "node/ledger/ledger.h"
#include "node/ledger/published.h"
#include "node/members/members.h"
#include "node/runtime/runtime.h"
#include "protocol/identity/descriptor.h"
#include "tocsin/v1/peer.pb.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::node {

inline constexpr std::uint32_t kPageTargetMin = 64 * 1024;
inline constexpr std::uint32_t kPageTargetMax =
    4 * 1024 * 1024;  // half a gRPC message: one batch may overshoot

class FeedOwner {
 public:
  // What a reader that holds `from` records, and knows a checkpoint of `known`, may be shown.
  using PublishedFor = std::function<Published(std::uint64_t from, std::uint64_t known)>;
  using OwnDescriptor = std::function<protocol::ValidDescriptor()>;
  // Without `published`, all that is durable.
  FeedOwner(const Ledger& ledger, Runtime& runtime, const Members& members, PublishedFor published = nullptr)
      : ledger_(ledger), runtime_(runtime), members_(members), published_(std::move(published)) {}

  Result<v1::RecordsReply> records(const Hash& caller, const v1::RecordsRequest& request) const;
  Published published(std::uint64_t from, std::uint64_t known) const;
  // Shown to readers that know an older one. Set before the first is served.
  void set_descriptor(OwnDescriptor descriptor) { descriptor_ = std::move(descriptor); }

 private:
  struct Reader {
    crypto::KemPublicKey envelope_key{};
    std::vector<std::string> groups;  // ids of the groups it is in now
  };
  // Empty for a stranger, and for a member that is suspended.
  Result<std::optional<Reader>> reader_of(const Hash& peer) const;
  // Checks a descriptor's signature once, not at each question of that member.
  Result<crypto::KemPublicKey> envelope_key(const Hash& peer, const v1::SignedDescriptor& descriptor) const;
  static bool entitled(const v1::SealedRecord& record, const Reader& reader);
  struct Pass;
  Status add_openings(Pass& pass, std::uint64_t index, std::vector<v1::Opening>& openings) const;
  Status fill(Pass& pass, const v1::RecordsRequest& request, v1::Openings& openings) const;

  const Ledger& ledger_;
  Runtime& runtime_;
  const Members& members_;
  void tell_descriptor(const v1::RecordsRequest& request, v1::RecordsReply& reply) const;
  void tell_overrides(const v1::RecordsRequest& request, v1::RecordsReply& reply) const;
  const PublishedFor published_;
  OwnDescriptor descriptor_;
  struct KnownKey {
    std::string descriptor;  // as it lies in the peer's row
    crypto::KemPublicKey key{};
  };
  mutable std::mutex mu_;
  mutable std::map<Hash, KnownKey> known_;  // guarded by mu_; members only
};

}  // namespace tocsin::node
