#pragma once
// How the bench programs time a thing and say what came of it: blocks, of which the least, the middle and the
// most are printed, beside the bar that the middle is held against.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

namespace tocsin::bench {

inline constexpr int kBlocks = 15;

// Processor time of this thread, seconds: what other programs take meanwhile does not count.
inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Spread {
  double least = 0, middle = 0, most = 0;
};
inline Spread spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}
inline double median(const std::vector<double>& values) {
  return spread(values).middle;
}

// Nanoseconds one of `count` takes, block by block.
template <typename Work>
std::vector<double> time_blocks(std::size_t count, Work work) {
  work();  // caches
  std::vector<double> out;
  for (int block = 0; block < kBlocks; ++block) {
    const double begin = thread_seconds();
    work();
    out.push_back((thread_seconds() - begin) * 1e9 / static_cast<double>(count));
  }
  return out;
}

inline void print(const char* what, const std::vector<double>& values, const char* unit) {
  const Spread s = spread(values);
  std::printf("%-48s min %9.2f  median %9.2f  max %9.2f %s\n", what, s.least, s.middle, s.most, unit);
}
// The same, and whether the median is within a bar; says so on a line of its own.
inline bool print_at_most(const char* what, const std::vector<double>& values, const char* unit, double bar) {
  print(what, values, unit);
  const bool held = median(values) <= bar;
  std::printf("  bar: at most %g %s: %s\n", bar, unit, held ? "held" : "MISSED");
  return held;
}
inline bool print_at_least(const char* what, const std::vector<double>& values, const char* unit,
                           double bar) {
  print(what, values, unit);
  const bool held = median(values) >= bar;
  std::printf("  bar: at least %g %s: %s\n", bar, unit, held ? "held" : "MISSED");
  return held;
}

}  // namespace tocsin::bench
