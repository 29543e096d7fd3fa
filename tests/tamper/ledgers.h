#pragma once
// Random ledgers that are correct, for the corpus to break: one issuer's with several signals at every stage
// of their lives.

#include <cstdint>
#include <vector>

#include "tests/support/ledger_records.h"
#include "tests/support/two_histories.h"
#include "tests/tamper/corpus.h"

namespace tocsin::tamper {

const test::TestNode& issuer();
const test::TestNode& photos();
const test::TestNode& chat();
std::vector<const test::TestNode*> everybody();

// A node that is no party here and keeps two histories; a proof of it, of one size or two.
const test::TwoHistories& liar();
protocol::EquivocationProof proof_against_liar(Dice& dice);

struct MadeLedger {
  explicit MadeLedger(Dice& dice);

  std::vector<test::BuiltRecord>& records() { return builder.records(); }
  std::size_t size() { return builder.records().size(); }

  test::LedgerBuilder builder;
  std::vector<test::SignalPlaces> shared;    // at least one
  std::vector<std::uint8_t> shared_numbers;  // of the signals above
  std::vector<std::uint64_t> retractions;    // at least one, of signals that are also in `shared`
  std::vector<std::uint8_t> retracted_numbers;
};

// So many more submissions, by one submitter, of signals of their own: a ledger of several tiles.
void add_submissions(MadeLedger& ledger, std::size_t count);

// A sample of one bundle, under the witnesses' policy.
Sample sample_of(Bytes bundle);
Sample sample_of(MadeLedger& ledger);

// The slot's value, to be changed; null when the record lacks it.
protocol::SlotValue* slot_of(test::BuiltRecord& record, std::uint8_t slot);

}  // namespace tocsin::tamper
