#pragma once
// What a terminal may be shown: colour only where it is wanted, no control characters from strangers, and a
// progress line that never mixes with data.
//
// Colour is on for a stream that is a TTY, off with --no-color, a non-empty NO_COLOR or TERM=dumb, and on
// again with CLICOLOR_FORCE set to anything but 0. Progress goes to stderr: a bar at 10 Hz on a TTY, one line
// each 10 s otherwise. Concurrency: one thread.

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>

namespace tocsin::cli {

enum class Paint { kBold, kRed, kGreen, kYellow, kDim };

bool wants_colour(bool tty, bool no_color_flag, const std::map<std::string, std::string>& environment);
std::string paint(std::string_view text, Paint paint, bool colour);
// Control characters of a peer's or a file's text as \xNN: it cannot move the cursor or retitle the window.
std::string printable(std::string_view text);
// 1204332 as "1,204,332".
std::string grouped(std::uint64_t number);

class Progress {
 public:
  struct Step {
    std::uint64_t done = 0;   // bytes
    std::uint64_t total = 0;  // bytes; 0: unknown
    std::uint64_t rows = 0;
    std::uint64_t rejected = 0;
  };
  Progress(std::ostream& err, bool tty, bool quiet, std::uint64_t now_ms);
  void update(const Step& step, std::uint64_t now_ms);
  // Takes the bar away, so that the summary stands alone.
  void finish();

 private:
  std::ostream& err_;
  const bool tty_;
  const bool quiet_;
  const std::uint64_t began_ms_;
  std::uint64_t shown_ms_;
  bool drawn_ = false;
};

}  // namespace tocsin::cli
