#pragma once
// The trust file: which logs are known, which witnesses, and how many of them make a checkpoint believable.
//
// Lines `log <vkey> [url]`, `witness <name> <vkey> [url]`, `group <name> <k|any|all> <members…>` and exactly
// one `quorum <name|none>`; blanks and `#` comments between. A name is defined before it is used, and belongs
// to one group at most, so that a witness counts in one way only. An organisation with several keys is a
// group of `any`. Errors: kInvalidArgument with the line number, rule "log/policy"; evaluate() adds
// kUnauthenticated (a signature is bad, or no known log signed) and kFailedPrecondition, rule "log/quorum"
// (too few witnesses). Concurrency: a value; const methods from any thread. Source: C2SP tlog-policy;
// ledger.md "tlog-policy".

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/log/checkpoint.h"
#include "protocol/log/note.h"

namespace tocsin::protocol {

inline constexpr std::size_t kPolicyBytesMax = std::size_t{256} * 1024;
inline constexpr std::size_t kPolicyEntriesMax =
    256;  // logs, and witnesses with groups; tlog-policy asks for 32 each

struct PolicyLog {
  VerifierKey key;
  std::string url;  // empty when not given
};
struct PolicyWitness {
  std::string name;  // in the policy only; the key has its own
  VerifierKey key;
  std::string url;
};

class Policy {
 public:
  static Result<Policy> parse(std::string_view text);

  struct Cosigned {
    std::size_t witness = 0;  // index into witnesses()
    std::uint64_t time_s = 0;
  };
  struct Accepted {
    Checkpoint checkpoint;
    std::size_t log = 0;             // index into logs()
    std::vector<Cosigned> cosigned;  // every valid cosignature by a known witness
  };
  // What the note says, when a known log of that origin signed it and the quorum cosigned it.
  Result<Accepted> evaluate(std::string_view note) const;
  // The same with other log keys than the policy's: what a reader asks who has the log's keys from elsewhere.
  // `log` is then an index into them.
  Result<Accepted> evaluate(std::string_view note, std::span<const VerifierKey> log_keys) const;

  // Whether any cosignature is asked for: `quorum none` asks for none.
  bool asks_witnesses() const { return !quorum_none_; }
  const std::vector<PolicyLog>& logs() const { return logs_; }
  const std::vector<PolicyWitness>& witnesses() const { return witnesses_; }

 private:
  friend class PolicyReader;

  // A witness, or a group of entries defined before it; entries stand in the order of their lines.
  struct Entry {
    std::string name;
    std::size_t witness = 0;           // when there are no members
    std::vector<std::size_t> members;  // indices of entries
    std::size_t threshold = 0;
    bool in_group = false;
  };
  bool quorum_met(const std::vector<bool>& cosigned) const;

  std::vector<PolicyLog> logs_;
  std::vector<PolicyWitness> witnesses_;
  std::vector<Entry> entries_;
  std::size_t quorum_ = 0;  // index of an entry, unless quorum_none_
  bool quorum_none_ = false;
  std::vector<VerifierKey> log_keys_;
};

}  // namespace tocsin::protocol
