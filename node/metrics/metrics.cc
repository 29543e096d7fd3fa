#include "node/metrics/metrics.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace tocsin::node {
namespace {

void append_line(std::string& page, std::string_view name, std::string_view suffix,
                 const std::string& value) {
  page += name;
  page += suffix;
  page += ' ';
  page += value;
  page += '\n';
}

std::string seconds(std::uint64_t us) {
  char text[48];
  std::snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, us / 1'000'000, us % 1'000'000);
  return text;
}

}  // namespace

void Metric::write_head(std::string& page, std::string_view type) const {
  ((page += "# HELP ") += name_) += ' ';
  (page += description_) += '\n';
  ((page += "# TYPE ") += name_) += ' ';
  (page += type) += '\n';
}

void Counter::write(std::string& page) const {
  write_head(page, "counter");
  append_line(page, name(), "", std::to_string(value()));
}

void Gauge::write(std::string& page) const {
  write_head(page, "gauge");
  append_line(page, name(), "", std::to_string(value()));
}

std::size_t CounterByReason::at(std::string_view reason) const {
  return static_cast<std::size_t>(std::find(reasons_.begin(), reasons_.end(), reason) - reasons_.begin());
}

void CounterByReason::write(std::string& page) const {
  write_head(page, "counter");
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const std::string_view reason = i < reasons_.size() ? reasons_[i] : "other";
    append_line(page, name(), "{reason=\"" + std::string(reason) + "\"}",
                std::to_string(values_[i].load(std::memory_order_relaxed)));
  }
}

void Histogram::observe_us(std::uint64_t us) {
  for (std::size_t i = 0; i < kBoundsUs.size(); ++i) {
    if (us > kBoundsUs[i]) continue;
    buckets_[i].fetch_add(1, std::memory_order_relaxed);
    break;
  }
  sum_us_.fetch_add(us, std::memory_order_relaxed);
  count_.fetch_add(1, std::memory_order_relaxed);
}

void Histogram::write(std::string& page) const {
  write_head(page, "histogram");
  // Read first: an observation that lands meanwhile may then only make the last bucket too small, never too
  // large.
  std::array<std::uint64_t, kBoundsUs.size()> counts;
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = buckets_[i].load(std::memory_order_relaxed);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    append_line(page, name(), "_bucket{le=\"" + seconds(kBoundsUs[i]) + "\"}", std::to_string(cumulative));
  }
  const std::uint64_t total = std::max(cumulative, count());
  append_line(page, name(), "_bucket{le=\"+Inf\"}", std::to_string(total));
  append_line(page, name(), "_sum", seconds(sum_us_.load(std::memory_order_relaxed)));
  append_line(page, name(), "_count", std::to_string(total));
}

std::string write_metrics(const Metrics& metrics) {
  std::string page;
  for (const Metric* metric : metrics.all) metric->write(page);
  return page;
}

}  // namespace tocsin::node
