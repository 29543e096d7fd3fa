// tamper_corpus: makes bad ledgers by the thousand, and asks the verifier to find and to name what is wrong
// with each.
//
//   tamper_corpus [--count N] [--good N] [--seed S] [--jobs N] [--class TEXT] [--quiet]
//                 [--verifier PROGRAM] [--second PROGRAM] [--sample N] [--keep FOLDER]
//
// The library judges every sample; with --verifier or --second, N samples of each kind also go through those
// programs as files, and their exits and finding codes are compared with the library's. Exit 0 when every bad
// sample was detected, at least 99 of 100 named, no good one accused, and nobody disagreed.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/wait.h>

#include "tests/tamper/corpus.h"

namespace {

using namespace tocsin;
using namespace tocsin::tamper;

struct Options {
  std::size_t count = 3000, good = 500, jobs = 2, sample = 0;
  std::uint64_t seed = 1;
  std::string only, verifier, second, keep;
  bool quiet = false;
};

struct Tally {
  std::atomic<std::size_t> made = 0, detected = 0, named = 0, disagreed = 0;
};

struct Run {
  Options options;
  std::vector<Tally> tallies;
  Tally good;
  std::mutex printing;
  std::filesystem::path folder;

  explicit Run(Options chosen) : options(std::move(chosen)), tallies(tamper_classes().size()) {}
};

void say(Run& run, const std::string& line) {
  const std::lock_guard lock(run.printing);
  std::printf("%s\n", line.c_str());
}

std::string told(const Verdict& verdict) {
  std::string out = "exit " + std::to_string(verdict.exit);
  for (const auto& finding : verdict.findings)
    out += " " + finding.code + (finding.rule.empty() ? "" : "/" + finding.rule);
  return out;
}

std::set<std::string> codes_of(const Verdict& verdict) {
  std::set<std::string> out;
  for (const auto& finding : verdict.findings) out.insert(finding.code + "/" + finding.rule);
  return out;
}

std::string member(const std::string& line, const std::string& name) {
  for (const char* mark : {"\":\"", "\": \""}) {
    const std::size_t at = line.find("\"" + name + mark);
    if (at == std::string::npos) continue;
    const std::size_t from = at + name.size() + 1 + std::strlen(mark);
    return line.substr(from, line.find('"', from) - from);
  }
  return {};
}

std::string as_json(const Verdict& verdict) {
  std::set<std::string> codes;
  for (const auto& finding : verdict.findings) codes.insert(finding.code);
  std::string out;
  for (const std::string& code : codes) out += (out.empty() ? "\"" : ",\"") + code + "\"";
  return "{\"exit\":" + std::to_string(verdict.exit) + ",\"codes\":[" + out + "]}\n";
}

struct Answer {
  int exit = -1;
  std::set<std::string> codes;
};

Answer asked(const std::string& command) {
  Answer out;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen");
  std::string text;
  char buffer[4096];
  for (std::size_t read = 0; (read = fread(buffer, 1, sizeof buffer, pipe)) != 0;) text.append(buffer, read);
  const int status = pclose(pipe);
  if (WIFEXITED(status)) out.exit = WEXITSTATUS(status);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (const std::string code = member(line, "code"); !code.empty())
      out.codes.insert(code + "/" + member(line, "rule"));
    at = end + 1;
  }
  return out;
}

// The sample as files, and the arguments that name them.
std::string written(const std::filesystem::path& folder, const Sample& sample) {
  std::filesystem::create_directories(folder);
  std::string arguments;
  const auto put = [&](const std::string& name, std::string_view bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return " " + (folder / name).string();
  };
  for (std::size_t i = 0; i < sample.bundles.size(); ++i)
    arguments += put("bundle" + std::to_string(i) + ".tar", as_text(sample.bundles[i]));
  arguments += " --policy" + put("trust.policy", sample.policy);
  for (std::size_t i = 0; i < sample.trusted.size(); ++i)
    arguments += " --trusted-checkpoint" + put("kept" + std::to_string(i), sample.trusted[i]);
  if (sample.now_ms) arguments += " --now " + std::to_string(*sample.now_ms / 1000);
  put("arguments", arguments + "\n");
  return arguments;
}

void compare(Run& run, Tally& tally, const std::string& label, Sample sample) {
  const Options& options = run.options;
  if (options.verifier.empty() && options.second.empty() && options.keep.empty()) return;
  if (sample.now_ms) sample.now_ms = *sample.now_ms / 1000 * 1000;  // the programs' clock has seconds
  const Verdict verdict = judged(sample);
  const std::filesystem::path folder = run.folder / label;
  const std::string arguments = written(folder, sample);
  std::ofstream(folder / "expected") << as_json(verdict);
  bool agreed = true;
  for (const std::string& program : {options.verifier, options.second}) {
    if (program.empty()) continue;
    const Answer answer = asked(program + arguments + (program == options.verifier ? " --json" : ""));
    if (answer.exit == verdict.exit && answer.codes == codes_of(verdict)) continue;
    agreed = false;
    std::string codes;
    for (const std::string& code : answer.codes) codes += " " + code;
    say(run, "disagreement on " + label + ": " + program + " says exit " + std::to_string(answer.exit) +
                 codes + "; the library " + told(verdict));
  }
  if (!agreed) ++tally.disagreed;
  if (options.keep.empty()) std::filesystem::remove_all(folder);
}

void judge_bad(Run& run, std::size_t which, std::size_t nth) {
  const TamperClass& one = tamper_classes()[which];
  Dice dice(run.options.seed * 1'000'003 + which * 7919 + nth * 104'729, nth);
  const Sample sample = one.make(dice);
  const Verdict verdict = judged(sample);
  Tally& tally = run.tallies[which];
  ++tally.made;
  if (verdict.exit != 0) ++tally.detected;
  const bool named = verdict.exit == one.exit && verdict.names(one);
  if (named) ++tally.named;
  const std::string label = "class" + std::to_string(which) + "-" + std::to_string(nth);
  if (!named && !run.options.quiet)
    say(run, label + " (" + std::string(one.name) + "): expected exit " + std::to_string(one.exit) + " " +
                 std::string(one.code) + ", found " + told(verdict));
  if (nth < run.options.sample) compare(run, tally, label, sample);
}

void judge_good(Run& run, std::size_t nth) {
  Dice dice(run.options.seed * 1'000'033 + nth * 15'485'863, nth);
  const Sample sample = good_sample(dice);
  const Verdict verdict = judged(sample);
  ++run.good.made;
  if (verdict.exit != 0) {
    ++run.good.detected;
    say(run, "good sample " + std::to_string(nth) + " accused: " + told(verdict));
  }
  if (nth < run.options.sample * 4) compare(run, run.good, "good-" + std::to_string(nth), sample);
}

void work(Run& run) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < tamper_classes().size(); ++i)
    if (tamper_classes()[i].name.find(run.options.only) != std::string_view::npos) chosen.push_back(i);
  if (chosen.empty()) throw std::runtime_error("no class has that name");
  std::atomic<std::size_t> next = 0;
  const std::size_t bad = run.options.count;
  const auto worker = [&] {
    for (std::size_t i = next++; i < bad + run.options.good; i = next++) {
      if (i < bad)
        judge_bad(run, chosen[i % chosen.size()], i / chosen.size());
      else
        judge_good(run, i - bad);
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < run.options.jobs; ++i) threads.emplace_back(worker);
}

int summed_up(Run& run) {
  Tally all;
  if (!run.options.quiet)
    std::printf("%-62s %-16s %4s %6s %8s %6s\n", "class", "finding", "exit", "count", "detected", "named");
  for (std::size_t i = 0; i < run.tallies.size(); ++i) {
    const TamperClass& one = tamper_classes()[i];
    const Tally& tally = run.tallies[i];
    all.made += tally.made;
    all.detected += tally.detected;
    all.named += tally.named;
    all.disagreed += tally.disagreed;
    const std::string finding = std::string(one.code) + (one.rule.empty() ? "" : " " + std::string(one.rule));
    if (!run.options.quiet && tally.made != 0)
      std::printf("%-62s %-16s %4d %6zu %8zu %6zu\n", std::string(one.name).c_str(), finding.c_str(),
                  one.exit, tally.made.load(), tally.detected.load(), tally.named.load());
  }
  const auto percent = [](std::size_t part, std::size_t whole) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(std::max<std::size_t>(whole, 1));
  };
  std::printf(
      "figures: tamper corpus: %zu tampered of %zu classes, %.2f %% detected, %.2f %% named as their class; "
      "%zu untouched, "
      "%zu accused; programs disagreed on %zu\n",
      all.made.load(), run.tallies.size(), percent(all.detected, all.made), percent(all.named, all.made),
      run.good.made.load(), run.good.detected.load(), all.disagreed + run.good.disagreed);
  const bool passed = all.detected == all.made && all.named * 100 >= all.made * 99 &&
                      run.good.detected == 0 && all.disagreed + run.good.disagreed == 0;
  return passed ? 0 : 1;
}

Options parsed(int argc, char** argv) {
  Options out;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--quiet") {
      out.quiet = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(name + " needs a value");
    const std::string value = argv[++i];
    const auto number = [&] { return std::stoull(value); };
    if (name == "--count")
      out.count = number();
    else if (name == "--good")
      out.good = number();
    else if (name == "--seed")
      out.seed = number();
    else if (name == "--jobs")
      out.jobs = number();
    else if (name == "--sample")
      out.sample = number();
    else if (name == "--class")
      out.only = value;
    else if (name == "--verifier")
      out.verifier = value;
    else if (name == "--second")
      out.second = value;
    else if (name == "--keep")
      out.keep = value;
    else
      throw std::runtime_error("unknown option " + name);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Run run(parsed(argc, argv));
    const bool keep = !run.options.keep.empty();
    std::string made = (std::filesystem::temp_directory_path() / "tamper.XXXXXX").string();
    if (!keep && mkdtemp(made.data()) == nullptr) throw std::runtime_error("mkdtemp");
    run.folder = keep ? run.options.keep : made;
    work(run);
    if (!keep) std::filesystem::remove_all(run.folder);
    return summed_up(run);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tamper_corpus: %s\n", error.what());
    return 2;
  }
}
