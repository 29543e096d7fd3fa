#pragma once
// How signals look in tables. Concurrency: pure functions.

#include "node/cli/session.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {

Table signal_table(const google::protobuf::RepeatedPtrField<v1::SignalView>& signals);
std::string signal_text(const v1::SignalView& view);
// "+2/?1/−0": positive, seed, negative.
std::string opinions_text(const v1::Case& value);
// Enough of an id to tell it from others.
std::string short_id(const std::string& id);
std::string record_text(std::string_view what, const v1::RecordReply& reply);

}  // namespace tocsin::cli
