#pragma once
// Step V8 of an audit: what the bundle opens must be what the leaves committed to.
//
// Each opening's salts, decoys and roots are recomputed from its keys and values and compared with the leaf's
// body root; only then are its slots read as an event. Findings: V8.syntax, V8.order, V8.index,
// V8.commitment, V8.flags (tampering), V8.schema (a breach: the record was committed so). Concurrency: pure,
// apart from the callback.

#include <cstdint>
#include <functional>

#include "protocol/process/record.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/finding.h"
#include "protocol/verify/tree.h"

namespace tocsin::protocol {

// Told of each record whose class A is open and valid, in the ledger's order; the view lasts for the call.
using RecordSink = std::function<void(const RecordView&)>;

// Whether every record was opened in class A and read: what an auditor must be shown to judge due process.
bool audit_openings(const Bundle& bundle, const AuditedTree& tree, Report& report, const RecordSink& sink);

}  // namespace tocsin::protocol
