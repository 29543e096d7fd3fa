#include "protocol/process/fold.h"

namespace tocsin::protocol {

Status take(v1::Case& state, const RecordView& record, const FoldContext& context, const Error* broken) {
  Status judged = broken != nullptr ? Status(fail(*broken)) : judge(state, record, context);
  if (judged)
    apply(state, record, context);
  else
    refuse(state, record, context, judged.error());
  return judged;
}

}  // namespace tocsin::protocol
