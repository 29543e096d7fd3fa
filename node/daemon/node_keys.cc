#include <cstdlib>

#include "node/daemon/node_parts.h"
#include "node/log/log.h"
#include "protocol/process/registry.h"

namespace tocsin::node {
namespace {

// Renewed while this much is left: a peer that is away for a while meets the new one before the old has
// ended.
constexpr std::uint64_t kRenewBeforeMs = 30ULL * 24 * 3600 * 1000;

}  // namespace

Result<KeystoreLock> Node::Parts::keystore_lock() const {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  return read_keystore_lock(config.passphrase_file, directory == nullptr ? "" : directory);
}

protocol::ValidDescriptor Node::Parts::descriptor() {
  std::lock_guard lock(keys_mu);
  return keys.back()->descriptor;
}

std::vector<const crypto::KemKey*> Node::Parts::envelope_keys() {
  std::lock_guard lock(keys_mu);
  std::vector<const crypto::KemKey*> out;
  for (auto it = keys.rbegin(); it != keys.rend(); ++it) out.push_back(&(*it)->envelope);
  if (keys.front()->previous_envelope) out.push_back(&*keys.front()->previous_envelope);
  return out;
}

// Of keys that were replaced the newest is in force; the older ones only open what was sealed to them.
const Keys& Node::Parts::newest_keys() {
  std::lock_guard guard(keys_mu);
  return *keys.back();
}

const crypto::SigningKey& Node::Parts::operational_key() {
  const Keys& mine = newest_keys();
  const bool next =
      mine.next && ledger->registry()->self()->operational_key() == mine.next->operational.public_key();
  return next ? mine.next->operational : mine.operational;
}

Status Node::Parts::install(Keys fresh) {
  TRY(port->set_identity(fresh.tls));
  if (read_plane) TRY(read_plane->set_identity(fresh.tls));
  std::lock_guard guard(keys_mu);
  keys.push_back(std::make_unique<Keys>(std::move(fresh)));
  return {};
}

void Node::Parts::open_key_change() {
  key_change = std::make_unique<KeyChange>(KeyChange::Parts{
      config, *ledger, runtime, rotate_mu, [this]() -> const Keys& { return newest_keys(); },
      [this](Keys fresh) { return install(std::move(fresh)); }, [this] { return witnessed->published(); },
      [this] {
        if (const Published shown = witnessed->published(); shown.checkpoint)
          feed_service->moved_on(*shown.checkpoint);
      },
      [this] { return keystore_lock(); }});
}

void Node::Parts::renew_when_due() {
  const auto mine = descriptor();
  if (mine.message().valid_until_ms() > runtime.now_ms() + kRenewBeforeMs) return;
  v1::RotateRequest request;
  request.set_key("tls");
  const auto renewed = rotate(request);
  if (!renewed) return log_failure(LogLevel::kError, "node.renewal_failed", renewed.error());
  log_event(LogLevel::kInfo, "node.renewed", {{"descriptor", renewed->descriptor_sequence()}});
}

Result<v1::RotateReply> Node::Parts::rotate(const v1::RotateRequest& request) {
  if (request.key() == "operational" && key_change) return key_change->begin(request.reason());
  if (request.key() != "tls" && request.key() != "envelope" && request.key() != "address")
    return fail(Error{Code::kInvalidArgument,
                      "\"" + request.key() + "\" cannot be rotated",
                      "key/unknown",
                      {},
                      "tocsin key rotate tls, envelope or operational"});
  const std::lock_guard one(rotate_mu);
  // Its descriptor may be in the ledger already, and stands behind the present one; in quarantine nobody can
  // tell.
  if (key_change ? key_change->under_way() : newest_keys().next.has_value())
    return fail(Error{Code::kFailedPrecondition, "the operational key is being changed", "key/changing",
                      "what names the new key is not published yet", "see tocsin ledger witness list"});
  TRY_ASSIGN(const KeystoreLock lock, keystore_lock());
  TRY_ASSIGN(Keys fresh, rotated(request, lock));
  v1::RotateReply reply;
  reply.set_descriptor_sequence(fresh.descriptor.message().sequence());
  TRY(install(std::move(fresh)));
  if (!witnessed) return reply;  // in quarantine
  if (const Published shown = witnessed->published(); shown.checkpoint)
    feed_service->moved_on(*shown.checkpoint);
  return reply;
}

Result<Keys> Node::Parts::rotated(const v1::RotateRequest& request, const KeystoreLock& lock) {
  const Rotation rotation{config.data_dir, runtime.now_ms()};
  if (request.key() == "address") return set_address(rotation, lock, request.address());
  return request.key() == "tls" ? rotate_tls(rotation, lock) : rotate_envelope(rotation, lock);
}

}  // namespace tocsin::node
