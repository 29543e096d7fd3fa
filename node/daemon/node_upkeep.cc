#include "node/daemon/node_parts.h"
#include "node/ledger/answers.h"
#include "node/ledger/changes.h"
#include "node/log/log.h"

namespace tocsin::node {
namespace {

constexpr std::uint64_t kExpiryPollMs = 60'000;
constexpr std::uint64_t kIndexPollMs = 60'000;
constexpr std::uint64_t kHourMs = 3'600'000;
constexpr std::uint64_t kWitnessedPollMs = 5'000;

}  // namespace

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
  key_change->renew_when_due();
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

void Node::Parts::poll_witnessed() {
  if (stopping) return;
  metrics.witness_behind_s.set(static_cast<std::int64_t>(witnessed->behind_s()));
  runtime.after(kWitnessedPollMs, Lane::kWorkers, [this] { poll_witnessed(); });
}

void Node::Parts::poll_index() {
  if (stopping) return;
  const std::uint64_t every_ms = config.index_hours * std::uint64_t{3'600'000};
  if (const Status kept = ledger_export->keep_index(runtime.now_ms(), every_ms); !kept)
    log_failure(LogLevel::kWarning, "ledger.index_failed", kept.error());
  runtime.after(kIndexPollMs, Lane::kWorkers, [this] { poll_index(); });
}

}  // namespace tocsin::node
