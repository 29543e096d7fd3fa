#pragma once
// The one step of due process: a record meets the rules and its case, and the case says what came of it.
//
// A node that appends, a node that receives and an auditor that replays all take this step, with contexts
// that differ only in whose ledger it is and in what was opened to them; so they cannot come to different
// verdicts (SPEC §6). A node that appends keeps nothing of a record that was refused; the others keep the
// refusal. Concurrency: pure functions of their arguments.

#include "protocol/process/case_state.h"
#include "protocol/process/rules.h"

namespace tocsin::protocol {

// judge(), then apply() or refuse(). `broken`: what judge_record() found, when the caller has asked it.
Status take(v1::Case& state, const RecordView& record, const FoldContext& context,
            const Error* broken = nullptr);

}  // namespace tocsin::protocol
