#include "tests/simulation/checker.h"

#include "node/ledger/record_seal.h"
#include "protocol/feed/opening.h"
#include "protocol/identity/ids.h"
#include "protocol/process/case_state.h"
#include "protocol/process/registry.h"
#include "protocol/process/rules.h"
#include "protocol/verify/bundle_writer.h"
#include "protocol/verify/cross.h"
#include "tocsin/v1/record.pb.h"

namespace tocsin::simulation {
namespace {

using protocol::Event;

std::string short_id(const std::string& signal) {
  return protocol::print_signal_id(*fixed<32>(as_view(signal), "id")).substr(0, 12);
}

class Checker {
 public:
  Checker(SimNetwork& network, const Done& done, bool audited)
      : network_(network), done_(done), audited_(audited), wrong_(network.watch().wrong()) {}

  std::vector<std::string> run() {
    if (!done_.settled) return std::move(wrong_);
    for (auto& one : network_.nodes()) {
      promises(*one);
      if (!one->ledger->registry()->equivocations().empty())
        complain(*one, "I21: it accuses an honest node of two histories");
      holds_everything(*one);
      signals(*one);
      trees(*one);
      replay(*one);
    }
    if (wrong_.empty() && audited_) audit();
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
      if (!done_.retracted.contains(signal)) {
        // One that was retracted without an answer, in the write that killed the node, is retracted too.
        if ((*value)->origin().retraction_ms() == 0 && !matches(at, (*value)->indicator()))
          complain(at, "I13: published " + short_id(signal) + " does not match");
        continue;
      }
      if ((*value)->origin().retraction_ms() == 0)
        complain(at, "I13: retraction of " + short_id(signal) + " not applied");
      if (who == at.number && protocol::missing_receipts(**value, UINT64_MAX).nodes.size() != 0)
        complain(at, "I13: retraction of " + short_id(signal) + " not answered by everybody");
      if (matches(at, (*value)->indicator()))
        complain(at, "I14: retracted " + short_id(signal) + " still matches");
    }
    const auto all = store.list({}, nullptr, 1'000'000);
    if (!all) return complain(at, "the cases cannot be read");
    for (const v1::Case& value : *all)
      if (value.issuer() != self && !done_.published.contains(value.signal()) && !value.indicator().empty() &&
          value.origin().published_ms() == 0)
        complain(at, "I25: knows unpublished " + short_id(value.signal()));
  }

  // Both kinds of tree from the leaves on disk: our own, and what we hold of others.
  void trees(SimNode& at) {
    const storage::PeerStore peers(*at.store);
    for (auto& whose : network_.nodes()) {
      const protocol::TreeHead tree = whose->ledger->head().tree;
      const bool own = whose.get() == &at;
      const auto bytes = own ? at.ledger->leaves(0, tree.size)
                             : peers.leaves(whose->descriptor->fingerprint(), 0, tree.size);
      if (!bytes || bytes->size() != tree.size * protocol::kLeafBytes) {
        complain(at, "I4: not every record of " + whose->name + " is there");
        continue;
      }
      protocol::CompactRange range;
      std::vector<Hash> hashes(tree.size);
      crypto::leaf_hashes(*bytes, protocol::kLeafBytes, hashes);
      range.append(hashes);
      if (range.root() != tree.root)
        complain(at, "I5: the stored records of " + whose->name + " give another root");
    }
  }

  static bool lost_bodies(SimNode& at) {
    for (std::uint64_t i = 0; i < at.ledger->size(); ++i)
      if (const auto opening = at.ledger->opening(i); !opening && opening.error().rule == node::kLostRule)
        return true;
    return false;
  }

  // The auditor's own program over what a node exports, and all ledgers held against one another.
  void audit() {
    std::vector<protocol::Audit> audits;
    for (auto& one : network_.nodes()) {
      auto audited = audit_of(*one);
      if (!audited) return complain(*one, "audit: " + audited.error().message);
      audits.push_back(std::move(*audited));
    }
    if (const Status done = protocol::compare_ledgers(audits, network_.world().now_ms()); !done)
      return complain(*network_.nodes()[0], "audit: " + done.error().message);
    for (std::size_t i = 0; i < audits.size(); ++i)
      for (const protocol::Finding& finding : audits[i].report.findings()) {
        // Nothing is disclosed here, and a node that was cut off for hours answers late.
        if (finding.code == "V10.disclosure" || finding.code == "V11.late") continue;
        // Brought back by peers who had never been given the body: missing, and said to be.
        if (finding.code == "V8.withheld" && lost_bodies(*network_.nodes()[i])) continue;
        complain(*network_.nodes()[i], "audit: " + protocol::finding_json(finding));
      }
  }

  static Result<protocol::Audit> audit_of(SimNode& at) {
    const node::LedgerHead head = at.ledger->head();
    TRY_ASSIGN(const auto key, protocol::make_verifier_key(at.ledger->origin(), protocol::KeyType::kEd25519,
                                                           at.descriptor->operational_key()));
    protocol::BundleContents contents;
    contents.origin = at.ledger->origin();
    contents.policy = "log " + protocol::format_vkey(key) + "\nquorum none\n";
    contents.checkpoint = *head.checkpoint;
    contents.size = head.tree.size;
    contents.tiles = at.ledger->log().tiles();
    contents.leaves = [&at](std::uint64_t begin, std::uint64_t end) {
      return at.ledger->leaves(begin, end - begin);
    };
    contents.openings = [&](const protocol::ByteSink& sink) -> Status {
      for (std::uint64_t i = 0; i < head.tree.size; ++i) {
        const auto opening = at.ledger->opening(i);
        if (!opening && opening.error().rule == node::kLostRule) continue;
        if (!opening) return fail(opening.error());
        Bytes bytes;
        protocol::append_opening(bytes, *opening);
        TRY(sink(bytes));
      }
      return {};
    };
    Bytes archive;
    TRY(protocol::write_bundle(contents, at.operational, [&archive](ByteView bytes) -> Status {
      append(archive, bytes);
      return {};
    }));
    protocol::VerifyOptions options;
    TRY_ASSIGN(options.policy, protocol::Policy::parse(contents.policy));
    options.now_ms = at.network.world().now_ms();
    return protocol::verify_bundle(archive, options);
  }

  // Every ledger this node holds, folded from nothing by the protocol's rules alone.
  void replay(SimNode& at) {
    std::map<std::string, v1::Case> cases;
    for (auto& whose : network_.nodes()) fold_ledger(at, *whose, cases);
    const auto stored = storage::SignalStore(*at.store).list({}, nullptr, 1'000'000);
    if (!stored) return complain(at, "the cases cannot be read");
    std::size_t compared = 0;
    const bool lost = lost_bodies(at);
    for (v1::Case value : *stored) {
      value.clear_held_ms();  // the node's own clock, in no ledger
      // What a lost record may have said of it was assumed at its worst.
      const bool cautious = lost && value.issuer() == to_string(at.descriptor->fingerprint()) &&
                            (value.origin().phase() == v1::DRAFT || value.origin().phase() == v1::REFUSED);
      if (cautious) ++compared;
      if (cautious) continue;
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
        if (auto ok = protocol::judge(value, view, context); !ok) continue;
        const std::string before = value.origin().SerializeAsString();
        protocol::apply(value, view, context);
        if (value.issuer() != to_string(issuer) && value.origin().SerializeAsString() != before)
          complain(at, "I18: " + whose.name + " changed a signal that another node issued");
      }
    }
  }

  SimNetwork& network_;
  const Done& done_;
  const bool audited_;
  std::vector<std::string> wrong_;
};

}  // namespace

std::vector<std::string> check(SimNetwork& network, const Done& done, bool audited) {
  return Checker(network, done, audited).run();
}

}  // namespace tocsin::simulation
