#include "protocol/log/policy.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "protocol/log/text.h"

namespace tocsin::protocol {
namespace {

constexpr const char* kRule = "log/policy";
constexpr const char* kQuorumRule = "log/quorum";
constexpr std::string_view kNone = "none";
constexpr std::string_view kBlank = " \t";

using Words = std::vector<std::string_view>;

tl::unexpected<Error> malformed(std::string why) {
  return fail(Code::kInvalidArgument, std::move(why), kRule);
}

Words words_of(std::string_view line) {
  Words words;
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlank, end);
  }
  return words;
}

bool allowed(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7F);
}

template <typename List>
bool has_key(const List& list, const VerifierKey& key) {
  return std::any_of(list.begin(), list.end(), [&](const auto& known) { return known.key.key == key.key; });
}

}  // namespace

// Reads a policy line by line; each method takes one line's words.
class PolicyReader {
 public:
  Status line(const Words& words) {
    if (words[0] == "log") return log(words);
    if (words[0] == "witness") return witness(words);
    if (words[0] == "group") return group(words);
    if (words[0] == "quorum") return quorum(words);
    return malformed("no such kind of line");
  }

  Result<Policy> finish() {
    if (!has_quorum_) return malformed("a policy has exactly one quorum line");
    for (const auto& log : policy_.logs_) policy_.log_keys_.push_back(log.key);
    return std::move(policy_);
  }

 private:
  Status log(const Words& words) {
    if (words.size() < 2 || words.size() > 3) return malformed("log <vkey> [url]");
    if (policy_.logs_.size() == kPolicyEntriesMax) return malformed("more than 256 logs");
    TRY_ASSIGN(const VerifierKey key, parse_vkey(words[1]));
    if (key.type != KeyType::kEd25519) return malformed("a log signs with a plain Ed25519 key");
    if (has_key(policy_.logs_, key)) return malformed("a log's key stands twice");
    policy_.logs_.push_back({key, words.size() > 2 ? std::string(words[2]) : std::string()});
    return {};
  }

  Status witness(const Words& words) {
    if (words.size() < 3 || words.size() > 4) return malformed("witness <name> <vkey> [url]");
    TRY_ASSIGN(const VerifierKey key, parse_vkey(words[2]));
    if (key.type != KeyType::kCosignatureV1) return malformed("a witness signs with a cosignature/v1 key");
    if (has_key(policy_.witnesses_, key)) return malformed("a witness's key stands twice");
    TRY(define({std::string(words[1]), policy_.witnesses_.size(), {}, 0, false}));
    policy_.witnesses_.push_back(
        {std::string(words[1]), key, words.size() > 3 ? std::string(words[3]) : std::string()});
    return {};
  }

  Status group(const Words& words) {
    if (words.size() < 4) return malformed("group <name> <k|any|all> <member>...");
    const std::size_t count = words.size() - 3;
    Policy::Entry entry{std::string(words[1]), 0, {}, 1, false};
    if (words[2] == "all") {
      entry.threshold = count;
    } else if (words[2] != "any") {
      TRY_ASSIGN(const std::uint64_t threshold, parse_decimal(words[2]));
      if (threshold == 0 || threshold > count) return malformed("a group's number is from 1 to its members");
      entry.threshold = static_cast<std::size_t>(threshold);
    }
    for (std::size_t i = 3; i < words.size(); ++i) {
      TRY_ASSIGN(const std::size_t member, find(words[i]));
      if (std::exchange(policy_.entries_[member].in_group, true))
        return malformed("a name is a member of one group at most");
      entry.members.push_back(member);
    }
    return define(std::move(entry));
  }

  Status quorum(const Words& words) {
    if (words.size() != 2) return malformed("quorum <name|none>");
    if (std::exchange(has_quorum_, true)) return malformed("a policy has exactly one quorum line");
    policy_.quorum_none_ = words[1] == kNone;
    if (policy_.quorum_none_) return {};
    TRY_ASSIGN(policy_.quorum_, find(words[1]));
    return {};
  }

  Status define(Policy::Entry entry) {
    if (policy_.entries_.size() == kPolicyEntriesMax) return malformed("more than 256 witnesses and groups");
    if (entry.name == kNone) return malformed("the name `none` is taken");
    if (!names_.emplace(entry.name, policy_.entries_.size()).second)
      return malformed("a name is defined twice");
    policy_.entries_.push_back(std::move(entry));
    return {};
  }

  Result<std::size_t> find(std::string_view name) const {
    const auto found = names_.find(std::string(name));
    if (found == names_.end()) return malformed("a name is used before it is defined");
    return found->second;
  }

  Policy policy_;
  std::unordered_map<std::string, std::size_t> names_;
  bool has_quorum_ = false;
};

Result<Policy> Policy::parse(std::string_view text) {
  if (text.size() > kPolicyBytesMax) return malformed("a policy is over 256 KiB");
  if (!std::all_of(text.begin(), text.end(), allowed)) return malformed("a policy has a control character");
  PolicyReader reader;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto where = [&] { return "policy line " + std::to_string(number) + ": "; };
    const auto line = take_line(text);
    if (!line) return malformed(where() + "no newline at its end");
    const Words words = words_of(*line);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (auto status = reader.line(words); !status) {
      Error error = std::move(status).error();
      error.message = where() + error.message;
      return fail(std::move(error));
    }
  }
  return reader.finish();
}

bool Policy::quorum_met(const std::vector<bool>& cosigned) const {
  if (quorum_none_) return true;
  std::vector<bool> met(entries_.size());
  for (std::size_t i = 0; i <= quorum_; ++i) {
    const Entry& entry = entries_[i];
    const auto count = static_cast<std::size_t>(std::count_if(
        entry.members.begin(), entry.members.end(), [&](std::size_t member) { return met[member]; }));
    met[i] = entry.members.empty() ? cosigned[entry.witness] : count >= entry.threshold;
  }
  return met[quorum_];
}

Result<Policy::Accepted> Policy::evaluate(std::string_view note) const {
  return evaluate(note, log_keys_);
}

Result<Policy::Accepted> Policy::evaluate(std::string_view note,
                                          std::span<const VerifierKey> log_keys) const {
  std::vector<VerifierKey> keys(log_keys.begin(), log_keys.end());
  for (const PolicyWitness& witness : witnesses_) keys.push_back(witness.key);
  TRY_ASSIGN(const OpenedCheckpoint opened, open_checkpoint(note, keys));
  Accepted out;
  out.checkpoint = opened.checkpoint;
  std::vector<bool> cosigned(witnesses_.size());
  for (const VerifiedSignature& signature : opened.signatures) {
    if (signature.key >= log_keys.size()) {
      const std::size_t witness = signature.key - log_keys.size();
      cosigned[witness] = true;
      out.cosigned.push_back({witness, signature.time_s});
    } else if (log_keys[signature.key].name == out.checkpoint.origin) {
      out.log = signature.key;
    }
  }
  if (!quorum_met(cosigned))
    return fail(Code::kFailedPrecondition, "too few witnesses cosigned", kQuorumRule);
  return out;
}

}  // namespace tocsin::protocol
