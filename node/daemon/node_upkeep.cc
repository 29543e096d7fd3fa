#include <cstdlib>

#include "node/daemon/node_parts.h"
#include "node/ledger/answers.h"
#include "node/ledger/changes.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kExpiryPollMs = 60'000;
constexpr std::uint64_t kIndexPollMs = 60'000;
constexpr std::uint64_t kHourMs = 3'600'000;
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
const crypto::SigningKey& Node::Parts::operational_key() {
  std::lock_guard guard(keys_mu);
  return keys.back()->operational;
}

void Node::Parts::poll_expiry() {
  if (stopping) return;
  if (auto append = signals->expire(); append && !append->drafts.empty())
    ledger->append(std::move(*append), [](const Result<Appended>& done) {
      if (!done) log_failure(LogLevel::kWarning, "signals.expire_failed", done.error());
    });
  // What a stop or a full disk left undone behind a commit.
  desk->each([this](const v1::Case& value) {
    if (desk->asks(value)) follow_up(value);
  });
  runtime.after(kExpiryPollMs, Lane::kWorkers, [this] { poll_expiry(); });
}

// What a node does once an hour; the descriptor lives for 90 days, whoever forgets `tocsin key rotate`.
void Node::Parts::poll_hourly() {
  if (stopping) return;
  forget_old_answers();
  renew_when_due();
  runtime.after(kHourMs, Lane::kWorkers, [this] { poll_hourly(); });
}

void Node::Parts::forget_old_answers() {
  auto append = forget_answers(*store, runtime.now_ms());
  if (!append) return log_failure(LogLevel::kWarning, "ledger.forget_failed", append.error());
  if (!*append) return;
  ledger->append(std::move(**append), [this](const Result<Appended>& done) {
    if (!done) return log_failure(LogLevel::kWarning, "ledger.forget_failed", done.error());
    runtime.post(Lane::kWorkers, [this] { forget_old_answers(); });
  });
}

void Node::Parts::renew_when_due() {
  const auto mine = descriptor();
  if (mine.message().valid_until_ms() > runtime.now_ms() + kRenewBeforeMs) return;
  const auto renewed = rotate("tls");
  if (!renewed) return log_failure(LogLevel::kError, "node.renewal_failed", renewed.error());
  log_event(LogLevel::kInfo, "node.renewed", {{"descriptor", renewed->descriptor_sequence()}});
}

Result<v1::RotateReply> Node::Parts::rotate(const std::string& which) {
  if (which != "tls" && which != "envelope")
    return fail(Error{Code::kInvalidArgument,
                      "\"" + which + "\" cannot be rotated",
                      "key/unknown",
                      {},
                      "tocsin key rotate tls, or envelope"});
  const std::lock_guard one(rotate_mu);
  TRY_ASSIGN(const KeystoreLock lock, keystore_lock());
  const Rotation rotation{config.data_dir, runtime.now_ms()};
  TRY_ASSIGN(Keys rotated, which == "tls" ? rotate_tls(rotation, lock) : rotate_envelope(rotation, lock));
  v1::RotateReply reply;
  reply.set_descriptor_sequence(rotated.descriptor.message().sequence());
  TRY(port->set_identity(rotated.tls));
  std::lock_guard guard(keys_mu);
  keys.push_back(std::make_unique<Keys>(std::move(rotated)));
  return reply;
}

void Node::Parts::poll_index() {
  if (stopping) return;
  const std::uint64_t every_ms = config.index_hours * std::uint64_t{3'600'000};
  if (const Status kept = ledger_export->keep_index(runtime.now_ms(), every_ms); !kept)
    log_failure(LogLevel::kWarning, "ledger.index_failed", kept.error());
  runtime.after(kIndexPollMs, Lane::kWorkers, [this] { poll_index(); });
}

}  // namespace tocsin::node
