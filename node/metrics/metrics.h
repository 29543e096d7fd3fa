#pragma once
// What the node counts, as one struct of named fields, and its text for Prometheus (GET /metrics).
//
// Guarantee: updating is one relaxed atomic operation, so any path may count; a page is not one instant: two
// fields may disagree by what happened while it was written. Names are stable; a new figure is a new field
// here. No label carries a peer's or a person's identifier. Concurrency: any thread. Source: Prometheus text
// exposition format 0.0.4.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::node {

class Metric;
using MetricList = std::vector<const Metric*>;

// A figure with its name; it enters itself into the list that the page is written from.
class Metric {
 public:
  Metric(MetricList& list, std::string_view name, std::string_view description)
      : name_(name), description_(description) {
    list.push_back(this);
  }
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;
  virtual ~Metric() = default;
  // Appends the metric's lines.
  virtual void write(std::string& page) const = 0;

 protected:
  void write_head(std::string& page, std::string_view type) const;
  std::string_view name() const { return name_; }

 private:
  std::string_view name_;
  std::string_view description_;
};

// Only grows.
class Counter final : public Metric {
 public:
  using Metric::Metric;
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void write(std::string& page) const override;

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Gauge final : public Metric {
 public:
  using Metric::Metric;
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  void write(std::string& page) const override;

 private:
  std::atomic<std::int64_t> value_ = 0;
};

// A counter for each reason of a closed list; whatever is not on it counts as "other".
class CounterByReason final : public Metric {
 public:
  CounterByReason(MetricList& list, std::string_view name, std::string_view description,
                  std::vector<std::string_view> reasons)
      : Metric(list, name, description), reasons_(std::move(reasons)), values_(reasons_.size() + 1) {}
  void add(std::string_view reason, std::uint64_t n = 1) {
    values_[at(reason)].fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t value(std::string_view reason) const {
    return values_[at(reason)].load(std::memory_order_relaxed);
  }
  void write(std::string& page) const override;

 private:
  std::size_t at(std::string_view reason) const;
  const std::vector<std::string_view> reasons_;
  std::vector<std::atomic<std::uint64_t>> values_;  // one for each reason, then "other"
};

// Durations in buckets from 100 µs to 10 s.
class Histogram final : public Metric {
 public:
  using Metric::Metric;
  void observe_us(std::uint64_t us);
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  void write(std::string& page) const override;

  static constexpr std::array<std::uint64_t, 11> kBoundsUs{
      100, 300, 1'000, 3'000, 10'000, 30'000, 100'000, 300'000, 1'000'000, 3'000'000, 10'000'000};

 private:
  std::array<std::atomic<std::uint64_t>, kBoundsUs.size()> buckets_{};
  std::atomic<std::uint64_t> count_ = 0;
  std::atomic<std::uint64_t> sum_us_ = 0;
};

struct Metrics {
  MetricList all;  // first, so that the fields below can enter themselves

  Gauge node_state{all, "tocsin_node_state", "0 opening, 1 verifying, 2 serving, 3 quarantined, 4 repairing"};
  Gauge ledger_published{all, "tocsin_ledger_published_size",
                         "Entries that others may see: all, or as far as the witnesses have cosigned"};
  Gauge witness_cosigned{all, "tocsin_witness_cosigned", "Checkpoints of others cosigned since the start"};
  Gauge witness_behind_s{all, "tocsin_witness_behind_seconds",
                         "Age of the oldest record that waits to be cosigned: usually below 60, look at 600"};
  Gauge ledger_size{all, "tocsin_ledger_size", "Entries in this node's ledger"};
  Counter ledger_commits{all, "tocsin_ledger_commits_total", "Synced commits, each with one checkpoint"};

  Histogram ledger_commit{all, "tocsin_ledger_commit_seconds",
                          "One commit, from taking what waits to the answer, with its flush"};
  Counter ledger_refused{all, "tocsin_ledger_refused_total",
                         "Appends refused: a rule, a limit, or a ledger that failed"};

  Gauge scrub_problems{all, "tocsin_scrub_problems", "What the last whole round of the scrub found wrong"};
  Counter scrub_rounds{all, "tocsin_scrub_rounds_total", "Times the scrub has read the whole store"};

  Gauge signals_matching{all, "tocsin_signals_matching", "Signals that look-ups are answered from"};
  Counter match_queries{all, "tocsin_match_queries_total", "Identifiers looked up"};
  Counter match_hits{all, "tocsin_match_hits_total", "Look-ups with at least one hit"};
  Counter media_hashed{all, "tocsin_media_hashed_total", "Files hashed by the media worker"};
  Counter media_refused{all, "tocsin_media_refused_total",
                        "Files the media worker could not or would not hash"};

  Gauge peers_active{all, "tocsin_peers_active",
                     "Members we exchange ledgers with: not suspended, not removed"};
  Gauge peers_quarantined{all, "tocsin_peers_quarantined",
                          "Members that are proven to have shown two histories of their ledger"};
  Gauge gossip_unexplained{all, "tocsin_gossip_unexplained",
                           "Members with a head that others have seen and they have not explained in time"};
  Counter gossip_notes{all, "tocsin_gossip_notes_total", "Heads of ledgers that peers told of, all kinds"};
  Gauge peers_in_sync{all, "tocsin_peers_in_sync",
                      "Members connected whose newest verified checkpoint is fully held"};
  Counter feed_entries{all, "tocsin_feed_entries_total", "Peers' entries verified and stored"};
  CounterByReason feed_refused{all,
                               "tocsin_feed_refused_total",
                               "Peers' pages and entries refused and kept as evidence",
                               {"altered", "chain", "fork", "key", "limit", "opening", "override", "process",
                                "rollback", "shape", "signature", "skipped", "time", "withheld"}};
  Counter links_opened{all, "tocsin_links_opened_total", "Peer links that passed both pins"};
  Counter links_refused{all, "tocsin_links_refused_total",
                        "Peer links refused: unpinned, expired, suspended"};
  Counter frames_refused{all, "tocsin_frames_refused_total", "Peer links cut by the HTTP/2 frame guard"};

  Gauge http_connections{all, "tocsin_http_connections", "Open HTTP connections, both listeners"};
  Counter http_requests{all, "tocsin_http_requests_total", "HTTP requests answered"};
  Counter http_refused{all, "tocsin_http_refused_total",
                       "HTTP requests answered with a status of 400 or above"};
  CounterByReason http_tls_refused{all,
                                   "tocsin_http_tls_refused_total",
                                   "HTTPS connections refused: no TLS 1.3, or a client's certificate",
                                   {"handshake", "absent", "expired", "member", "purpose", "unknown"}};
  Histogram http_answer{all, "tocsin_http_answer_seconds", "From a whole request to its answer"};
};

// The page of GET /metrics.
std::string write_metrics(const Metrics& metrics);

}  // namespace tocsin::node
