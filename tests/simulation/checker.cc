#include "tests/simulation/checker.h"

#include "protocol/feed/opening.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/registry.h"
#include "protocol/process/rules.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::simulation {
namespace {

using protocol::Event;

std::string short_id(const std::string& signal) {
  return protocol::print_signal_id(*fixed<32>(as_view(signal), "id")).substr(0, 12);
}

class Checker {
 public:
  Checker(SimNetwork& network, const Done& done) : network_(network), done_(done) {}

  std::vector<std::string> run() {
    for (auto& one : network_.nodes()) {
      promises(*one);
      holds_everything(*one);
      signals(*one);
      replay(*one);
    }
    return std::move(wrong_);
  }

 private:
  void complain(const SimNode& at, const std::string& what) { wrong_.push_back(at.name + ": " + what); }

  void promises(SimNode& at) {
    const node::LedgerHead head = at.ledger->head();
    for (const SimNode::Promise& promise : at.promises) {
      const auto note = protocol::parse_note(promise.checkpoint);
      const auto checkpoint = note ? protocol::parse_checkpoint(note->text)
                                   : Result<protocol::Checkpoint>(fail(Code::kDataLoss, "no note"));
      if (!checkpoint || checkpoint->tree.size < promise.size || checkpoint->tree.size > head.tree.size) {
        complain(at, "I1: acknowledged up to " + std::to_string(promise.size) + ", holds " +
                         std::to_string(head.tree.size));
        continue;
      }
      const auto proof = at.ledger->consistency(checkpoint->tree.size, head.tree.size);
      if (!proof || !protocol::verify_consistency(checkpoint->tree, head.tree, *proof))
        complain(at, "I2: the ledger forks from a head it promised, size " +
                         std::to_string(checkpoint->tree.size));
    }
  }

  void holds_everything(SimNode& at) {
    for (auto& other : network_.nodes()) {
      if (other.get() == &at) continue;
      const auto cursor = storage::PeerStore(*at.store).cursor(other->descriptor->fingerprint());
      const auto range = cursor ? protocol::CompactRange::parse(as_view(cursor->range()))
                                : Result<protocol::CompactRange>(fail(Code::kDataLoss, "no cursor"));
      if (!range || range->size() != other->ledger->size())
        complain(at, "I16: holds " + std::to_string(range ? range->size() : 0) + " of " +
                         std::to_string(other->ledger->size()) + " records of " + other->name);
    }
  }

  void signals(SimNode& at) {
    const storage::SignalStore store(*at.store);
    const std::string self = to_string(at.descriptor->fingerprint());
    for (const auto& [signal, who] : done_.published) {
      const auto value = store.get(*fixed<32>(as_view(signal), "id"));
      if (!value || !*value || (*value)->origin().published_ms() == 0) {
        complain(at, "I13: published " + short_id(signal) + " has not arrived");
        continue;
      }
      if (!done_.retracted.contains(signal)) continue;
      if ((*value)->origin().retraction_ms() == 0)
        complain(at, "I13: retraction of " + short_id(signal) + " not applied");
      if (who == at.number && protocol::missing_receipts(**value, UINT64_MAX).nodes.size() != 0)
        complain(at, "I13: retraction of " + short_id(signal) + " not answered by everybody");
      if (matches(at, **value)) complain(at, "I14: retracted " + short_id(signal) + " still matches");
    }
    const auto all = store.list({}, nullptr, 1'000'000);
    if (!all) return complain(at, "the cases cannot be read");
    for (const v1::Case& value : *all)
      if (value.issuer() != self && !done_.published.contains(value.signal()) && !value.indicator().empty() &&
          value.origin().published_ms() == 0)
        complain(at, "I25: knows unpublished " + short_id(value.signal()));
  }

  bool matches(SimNode& at, const v1::Case& value) {
    const auto indicator = protocol::decode_indicator(as_view(value.indicator()));
    if (!indicator) return false;
    v1::MatchRequest request;
    v1::MatchQuery& query = *request.add_queries();
    query.set_type(std::string(protocol::indicator_type_name(indicator->type())));
    query.set_value(indicator->text());
    const auto reply = at.signals->match(request);
    return !reply || !reply->results(0).hits().empty();
  }

  // Every ledger this node holds, folded from nothing by the protocol's rules alone.
  void replay(SimNode& at) {
    std::map<std::string, v1::Case> cases;
    for (auto& whose : network_.nodes()) fold_ledger(at, *whose, cases);
    const auto stored = storage::SignalStore(*at.store).list({}, nullptr, 1'000'000);
    if (!stored) return complain(at, "the cases cannot be read");
    std::size_t compared = 0;
    for (v1::Case value : *stored) {
      value.clear_held_ms();  // the node's own clock, in no ledger
      const auto found = cases.find(value.signal());
      if (found == cases.end() || found->second.SerializeAsString() != value.SerializeAsString())
        complain(at, "replay: the case of " + short_id(value.signal()) + " is not what the ledgers say");
      ++compared;
    }
    if (compared != cases.size())
      complain(at, "replay: " + std::to_string(cases.size()) + " cases in the ledgers, " +
                       std::to_string(compared) + " stored");
  }

  void fold_ledger(SimNode& at, SimNode& whose, std::map<std::string, v1::Case>& cases) {
    const bool own = &at == &whose;
    const Hash issuer = whose.descriptor->fingerprint();
    const storage::PeerStore peers(*at.store);
    protocol::Registry registry;
    std::map<Hash, std::string> chains;  // chain -> signal
    for (std::uint64_t i = 0; i < whose.ledger->size(); ++i) {
      Result<std::optional<v1::Opening>> opening = std::optional<v1::Opening>();
      if (own) {
        auto mine = at.ledger->opening(i);
        if (mine) opening = std::optional<v1::Opening>(std::move(*mine));
      } else {
        opening = peers.opening(issuer, i);
      }
      if (!opening || !*opening) continue;
      const auto leaf = protocol::parse_leaf(*whose.ledger->leaf(i));
      const auto record = protocol::verify_opening(**opening, *leaf);
      if (!record) return complain(at, "replay: a stored opening does not fit its leaf");
      const protocol::RecordView view{record->index, record->leaf, record->leaf_hash, &record->event,
                                      record->key_a};
      if (protocol::is_node_event(record->event.event())) {
        registry.apply(view);
        continue;
      }
      if (record->event.event() == Event::kSubmitted)
        chains[record->leaf.chain] = to_string(protocol::signal_id(issuer, record->event.bytes(0)));
      const protocol::FoldContext context{issuer, registry, false, own};
      const protocol::Covered over = protocol::covered(record->leaf, record->event);
      for (const Hash& id : over.ids) {
        std::string signal = to_string(id);
        if (over.kind == protocol::Covered::Kind::kChains) {
          const auto known = chains.find(id);
          if (known == chains.end()) continue;
          signal = known->second;
        }
        v1::Case& value = cases[signal];
        if (value.signal().empty()) {
          value.set_signal(signal);
          value.set_issuer(to_string(over.kind == protocol::Covered::Kind::kSignals ? over.origin : issuer));
        }
        if (auto ok = protocol::judge(value, view, context); ok) protocol::apply(value, view, context);
      }
    }
  }

  SimNetwork& network_;
  const Done& done_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<std::string> check(SimNetwork& network, const Done& done) {
  return Checker(network, done).run();
}

}  // namespace tocsin::simulation
