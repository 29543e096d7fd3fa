#include "node/cli/terminal.h"

#include <algorithm>
#include <ostream>

namespace tocsin::cli {
namespace {

constexpr std::uint64_t kBarEveryMs = 100;
constexpr std::uint64_t kLineEveryMs = 10'000;
constexpr std::uint64_t kBarWidth = 38;

std::string variable(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string bar(std::uint64_t done, std::uint64_t total) {
  const std::uint64_t full = std::min(kBarWidth, done * kBarWidth / total);
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '-') + "]  " +
         std::to_string(std::min<std::uint64_t>(100, done * 100 / total)) + "%  ";
}

}  // namespace

bool wants_colour(bool tty, bool no_color_flag, const std::map<std::string, std::string>& environment) {
  if (no_color_flag || !variable(environment, "NO_COLOR").empty()) return false;
  const std::string force = variable(environment, "CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return tty && variable(environment, "TERM") != "dumb";
}

std::string paint(std::string_view text, Paint paint, bool colour) {
  if (!colour) return std::string(text);
  static constexpr std::string_view kCodes[] = {"\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m"};
  return std::string(kCodes[static_cast<std::size_t>(paint)]) + std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080..U+009F are control characters too: 0xC2 followed by 0x80..0x9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7f || c1) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

Progress::Progress(std::ostream& err, bool tty, bool quiet, std::uint64_t now_ms)
    : err_(err), tty_(tty), quiet_(quiet), began_ms_(now_ms), shown_ms_(now_ms) {}

void Progress::update(const Step& step, std::uint64_t now_ms) {
  if (quiet_ || now_ms - shown_ms_ < (tty_ ? kBarEveryMs : kLineEveryMs)) return;
  shown_ms_ = now_ms;
  const std::uint64_t rate = step.rows * 1000 / std::max<std::uint64_t>(1, now_ms - began_ms_);
  std::string line = step.total != 0 ? bar(step.done, step.total) : std::string();
  line += grouped(step.rows) + " rows  " + grouped(rate) + "/s  rejected " + grouped(step.rejected);
  if (tty_) {
    err_ << "\r\x1b[K" << line << std::flush;
    drawn_ = true;
  } else {
    err_ << line << std::endl;
  }
}

void Progress::finish() {
  if (drawn_) err_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace tocsin::cli
