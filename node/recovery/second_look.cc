#include "node/recovery/second_look.h"

#include "protocol/log/tile.h"
#include "storage/log_store.h"
#include "storage/peer_store.h"
#include "tocsin/v1/store.pb.h"

namespace tocsin::node {

Result<std::vector<protocol::ValidDescriptor>> active_members(const storage::Store& store) {
  std::vector<protocol::ValidDescriptor> out;
  TRY_ASSIGN(const auto rows, storage::PeerStore(store).list());
  for (const v1::PeerRow& row : rows) {
    if (row.standing() != v1::PEER_ACTIVE) continue;
    TRY_ASSIGN(auto descriptor, protocol::parse_descriptor(row.signed_descriptor()));
    out.push_back(std::move(descriptor));
  }
  return out;
}

void SecondLook::start(Done done) {
  done_ = std::move(done);
  in_.runtime.post(Lane::kIo, [this] {
    auto members = active_members(in_.store);
    if (!members) return finish(members.error());
    if (members->empty()) return finish(std::nullopt);
    ask(std::move(*members));
  });
}

void SecondLook::ask(std::vector<protocol::ValidDescriptor> members) {
  v1::HeldRequest request;
  request.set_from(in_.head.size);
  outstanding_ = members.size();
  for (const auto& member : members)
    calls_.ask(member, request,
               [this, name = member.name()](const Result<v1::HeldReply>& reply) { answered(name, reply); });
  in_.runtime.after(kSecondLookMs, Lane::kIo, [this] { finish(std::nullopt); });
}

void SecondLook::answered(const std::string& member, const Result<v1::HeldReply>& reply) {
  if (!done_) return;
  if (reply)
    for (const std::string& note : reply->checkpoints())
      if (Status known = compare(member, note); !known) return finish(std::move(known).error());
  if (--outstanding_ == 0) finish(std::nullopt);
}

// A note that we did not sign says nothing.
Status SecondLook::compare(const std::string& member, const std::string& note) const {
  const auto opened = protocol::open_checkpoint(note, std::span(&in_.log, 1));
  if (!opened) return {};
  const protocol::TreeHead& theirs = opened->checkpoint.tree;
  if (theirs.size > in_.head.size)
    return fail(Error{Code::kFailedPrecondition,
                      member + " holds a checkpoint of " + std::to_string(theirs.size) +
                          " records that this node signed, and the store has " +
                          std::to_string(in_.head.size),
                      "ledger/behind", "the data directory is older than what the node has shown to others",
                      "the node gets its newest records from its peers: tocsin status"});
  if (theirs.size == 0) return {};
  const storage::LogStore log(in_.store);
  protocol::TileNodes nodes(theirs.size, log.tiles());
  TRY_ASSIGN(const auto range, protocol::restore_range(theirs.size, nodes.nodes()));
  if (range.root() == theirs.root) return {};
  return fail(Error{Code::kFailedPrecondition,
                    member + " holds a checkpoint of " + std::to_string(theirs.size) +
                        " records that this node signed over another history",
                    "ledger/forked", "this node has signed two histories of its ledger",
                    "keep this data directory as evidence and ask the members which history they hold"});
}

void SecondLook::finish(std::optional<Error> why) {
  if (!done_) return;
  calls_.stop();
  std::exchange(done_, nullptr)(std::move(why));
}

}  // namespace tocsin::node
