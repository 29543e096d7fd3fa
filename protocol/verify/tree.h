#pragma once
// Step V5 of an audit: the entries, the tiles and the checkpoint's root must be three views of one tree.
//
// Every hash is recomputed from the entries; each tile of the bundle is compared with what they give, and the
// root with the checkpoint's. Nothing is allocated from the checkpoint's size: reading stops at the first
// file that is not there. Findings: V5.missing (missing evidence), V5.entries, V5.tile, V5.root. Concurrency:
// pure.

#include <optional>
#include <vector>

#include "protocol/log/proof.h"
#include "protocol/verify/bundle.h"
#include "protocol/verify/finding.h"

namespace tocsin::protocol {

struct AuditedTree {
  std::vector<ByteView> leaves;  // into the archive
  std::vector<Hash> hashes;      // their leaf hashes
  bool complete = false;         // as many as the checkpoint says
};
AuditedTree audit_tree(const Bundle& bundle, const TreeHead& head, Report& report);

}  // namespace tocsin::protocol
