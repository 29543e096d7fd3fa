#pragma once
// Published: what of our ledger others may see now: its size, and the signed note they are shown for it.
//
// Records beyond it exist and are durable, and nobody outside is given them: a witness policy may hold them
// back until a quorum has cosigned. Concurrency: a source is called from any thread.
// Source: SPEC §11.

#include <functional>
#include <memory>
#include <string>

#include "protocol/log/proof.h"

namespace tocsin::node {

struct Published {
  protocol::TreeHead tree;                        // size 0 and the zero root while nothing is published
  std::shared_ptr<const std::string> checkpoint;  // null while nothing is
};
using PublishedSource = std::function<Published()>;

}  // namespace tocsin::node
