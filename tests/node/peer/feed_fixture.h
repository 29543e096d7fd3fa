#pragma once
// Two members of one network, in memory and virtual time: the issuer's pages can be taken, bent and handed
// on.
//
// Their own links are cut, so that nothing moves but what a test moves.

#include "node/peer/foreign_ledger.h"
#include "tests/simulation/network.h"
#include "tests/support/catch.h"

namespace tocsin::node {

class FeedFixture {
 public:
  FeedFixture();

  simulation::SimNode& issuer() { return *network.nodes()[0]; }
  simulation::SimNode& reader() { return *network.nodes()[1]; }
  Hash issuer_id() { return issuer().descriptor->fingerprint(); }
  Hash reader_id() { return reader().descriptor->fingerprint(); }

  // Submits, has reviewed and publishes `count` new signals of the issuer; their ids as printed.
  std::vector<std::string> publish(std::size_t count);
  std::vector<std::string> submit(std::size_t count);
  void retract(const std::string& id);
  // Fails the test when the node refuses.
  void commit(simulation::SimNode& at, Result<Append> append);

  Result<v1::RecordsReply> ask(const v1::RecordsRequest& request) {
    return issuer().owner->records(reader_id(), request);
  }
  std::unique_ptr<ForeignLedger> open_reader();
  Result<ForeignLedger::PagePtr> prove(ForeignLedger& ledger, const v1::RecordsReply& reply);
  // Takes, writes and settles a proved page; how many of its records a rule refused.
  Result<std::uint64_t> keep(ForeignLedger& ledger, const ForeignLedger::PagePtr& page);
  // Everything the issuer has.
  void catch_up(ForeignLedger& ledger);
  std::vector<v1::Evidence> evidence();
  // The page's openings after `bend`, sealed again as the issuer would.
  void bend_openings(v1::RecordsReply& reply, const std::function<void(v1::Openings&)>& bend);

  simulation::World world{7};
  simulation::SimNetwork network{world, 2};

 private:
  void join();
  void add_reviewer();
  void review(const std::vector<std::string>& ids);
  std::uint64_t submitted_ = 0;
};

}  // namespace tocsin::node
