#pragma once
// Cosigner: this node as a witness of other nodes' logs.
//
// Guarantee: of one log it cosigns one history: never a smaller size than before, never two roots of one
// size, and nothing that the last cosigned tree does not lead to. What it is about to cosign is durable
// before it answers; compare and set happen on the sequencer, one request after the other. A kill at any
// moment can only lose an answer. Answers carry the status of C2SP tlog-witness: 200, 400, 403, 404, 409
// (with the size held), 422; 503 when the ledger takes nothing now. Concurrency: any thread; `done` runs on
// Lane::kSequencer, or at once when the request is refused unseen. Outlives the Runtime's lanes. Source: SPEC
// §12; C2SP tlog-witness, tlog-cosignature.

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sign.h"
#include "node/ledger/ledger.h"
#include "node/runtime/runtime.h"
#include "protocol/log/witness.h"
#include "storage/witness_store.h"

namespace tocsin::node {

struct CosignAnswer {
  unsigned status = 0;
  std::string body;  // 200: signature lines; 409: the size held and a newline; else why
  // With 409, and 422 for a proof that leads elsewhere: the note held, as its log signed it.
  std::string held;
};

class Cosigner {
 public:
  using Done = std::function<void(CosignAnswer)>;
  // The keys of a log we know; none: it is not known.
  using LogKeys = std::function<std::vector<protocol::VerifierKey>(std::string_view origin)>;
  // Two roots of one size, both signed by the log: the note held and the one offered.
  using Conflict =
      std::function<void(const std::string& origin, const std::string& held, const std::string& offered)>;

  // Every note that its log signed, whatever becomes of the request: with that signature alone.
  using Offered = std::function<void(const std::string& origin, const std::string& note)>;

  struct Parts {
    const storage::Store& store;
    Ledger& ledger;
    Runtime& runtime;
    crypto::SigningKey key;
    std::string name;  // a valid key name
    LogKeys logs;
    Conflict conflict = nullptr;
    Offered offered = nullptr;
  };
  explicit Cosigner(Parts parts);

  void add_checkpoint(std::string_view body, Done done);
  const protocol::VerifierKey& vkey() const { return vkey_; }
  // How many checkpoints it cosigned and how many it refused since it was made.
  std::uint64_t cosigned() const { return cosigned_; }
  std::uint64_t refused() const { return refused_; }

 private:
  struct Call;
  struct Seen {
    protocol::TreeHead tree;
    std::string note;
    bool durable = false;
  };

  Result<Seen*> seen(const std::string& origin);
  Status decide(Changes& changes, Call& call);
  void finish(Call& call, const Result<Appended>& written);

  const Parts parts_;
  const protocol::VerifierKey vkey_;
  const storage::WitnessStore rows_;
  std::map<std::string, Seen> seen_;  // by origin; owned by the sequencer
  std::atomic<std::uint64_t> cosigned_ = 0;
  std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace tocsin::node
