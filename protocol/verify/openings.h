#pragma once
// Step V8 of an audit: what the bundle opens must be what the leaves committed to.
//
// Each opening's salts, decoys and roots are recomputed from its keys and values and compared with the leaf's
// body root; only then are its slots read as an event. Findings: V8.syntax, V8.order, V8.index,
// V8.commitment, V8.flags (tampering), V8.schema (a breach: the record was committed so). Concurrency: pure,
// apart from the callback.

#include <cstdint>
#include <functional>

#include "protocol/log/leaf.h"
#include "protocol/process/event.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {

struct OpenedRecord {
  std::uint64_t index = 0;
  Leaf leaf;
  Hash leaf_hash{};
  ValidEvent event;
  FixedBytes<32> key_a{};  // opens class A
};
// Told of each record whose class A is open and valid, in the ledger's order.
using RecordSink = std::function<void(const OpenedRecord&)>;

void audit_openings(const Bundle& bundle, const AuditedTree& tree, Report& report, const RecordSink& sink);

}  // namespace tocsin::protocol
