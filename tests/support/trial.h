#pragma once
// Trial: one ledger written record by record whatever the rules say, and judged three times: as its own node
// would at append, as a receiver would, and by the shipped verifier over a bundle of it.
//
// A record that the rules refuse stays in the ledger, as with a dishonest operator; every judge keeps the
// refusal. check_agreement() compares the three verdicts on every record.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "protocol/process/fold.h"
#include "protocol/process/registry.h"
#include "tests/support/ledger_records.h"

namespace tocsin::test {

class Trial {
 public:
  // Begins with the foundation: keys, members, charter, group.
  explicit Trial(const TestNode& node, const std::vector<const TestNode*>& members,
                 std::string_view charter = "What we owe each other.");

  // Appends; the rule the record breaks as its own node judges it, "R1", or empty. `signer` attests it.
  std::string add(protocol::Event event, const Hash& chain, Slots slots,
                  const crypto::SigningKey* signer = nullptr);
  std::string node_event(protocol::Event event, Slots slots);

  const v1::Case& own(const Hash& chain) { return own_[chain]; }
  const v1::Case& foreign(const Hash& origin, const Hash& signal) { return received_[{origin, signal}]; }
  const protocol::Registry& registry() const { return registry_; }
  LedgerBuilder& builder() { return builder_; }
  std::uint64_t last() const { return views_.back().index; }
  std::uint64_t next_ms() const { return builder_.next_ms(); }
  std::size_t refusals() const { return refusals_; }
  const std::map<std::string, std::size_t>& verdicts() const { return counted_; }

  // Empty, or what the judges disagree about.
  std::string disagreement() const;

 private:
  using Cases = std::map<Hash, v1::Case>;
  using Received = std::map<std::pair<Hash, Hash>, v1::Case>;
  std::string judge(const protocol::RecordView& view, const protocol::FoldContext& context, Cases& own,
                    Received& received) const;

  const TestNode& node_;
  LedgerBuilder builder_;
  protocol::Registry registry_;
  Cases own_;
  Received received_;
  std::vector<protocol::RecordView> views_;
  std::vector<std::unique_ptr<protocol::ValidEvent>> events_;
  std::vector<std::string> said_;  // by index
  std::map<std::string, std::size_t> counted_;
  std::size_t refusals_ = 0;
};

}  // namespace tocsin::test
