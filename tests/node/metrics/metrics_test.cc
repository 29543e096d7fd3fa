#include "node/metrics/metrics.h"

#include <thread>

#include "tests/support/catch.h"

using namespace tocsin::node;

namespace {
bool has_line(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}
}  // namespace

TEST_CASE("the metrics page names every field with its help and type") {
  Metrics metrics;
  metrics.http_requests.add(3);
  metrics.http_connections.set(2);
  metrics.http_connections.add(-1);
  const std::string page = write_metrics(metrics);
  CHECK(has_line(page, "# HELP tocsin_http_requests_total HTTP requests answered"));
  CHECK(has_line(page, "# TYPE tocsin_http_requests_total counter"));
  CHECK(has_line(page, "tocsin_http_requests_total 3"));
  CHECK(has_line(page, "# TYPE tocsin_http_connections gauge"));
  CHECK(has_line(page, "tocsin_http_connections 1"));
  CHECK(page.back() == '\n');
}

TEST_CASE("a histogram's buckets are cumulative and its sum is in seconds") {
  Metrics metrics;
  metrics.http_answer.observe_us(100);
  metrics.http_answer.observe_us(2'500);
  metrics.http_answer.observe_us(60'000'000);
  const std::string page = write_metrics(metrics);
  CHECK(has_line(page, "tocsin_http_answer_seconds_bucket{le=\"0.000100\"} 1"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_bucket{le=\"0.001000\"} 1"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_bucket{le=\"0.003000\"} 2"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_bucket{le=\"10.000000\"} 2"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_bucket{le=\"+Inf\"} 3"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_sum 60.002600"));
  CHECK(has_line(page, "tocsin_http_answer_seconds_count 3"));
}

TEST_CASE("a counter by reason has a line for each reason and one for all others") {
  Metrics metrics;
  metrics.feed_refused.add("fork");
  metrics.feed_refused.add("fork", 2);
  metrics.feed_refused.add("what nobody thought of");
  CHECK(metrics.feed_refused.value("fork") == 3);
  const std::string page = write_metrics(metrics);
  CHECK(has_line(page, "# TYPE tocsin_feed_refused_total counter"));
  CHECK(has_line(page, "tocsin_feed_refused_total{reason=\"fork\"} 3"));
  CHECK(has_line(page, "tocsin_feed_refused_total{reason=\"withheld\"} 0"));
  CHECK(has_line(page, "tocsin_feed_refused_total{reason=\"other\"} 1"));
}

TEST_CASE("counting from several threads loses nothing") {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) {
        metrics.http_requests.add();
        metrics.http_answer.observe_us(static_cast<std::uint64_t>(i));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(metrics.http_requests.value() == 40000);
  CHECK(metrics.http_answer.count() == 40000);
}
