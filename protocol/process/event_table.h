#pragma once
// The table of SPEC §4: every event, its code's name and its slots. Words of the statement of reasons
// (ACTION_TAKEN) are those of the EU's DSA Transparency Database, letter by letter, so that a filing is a
// projection of the record.
//
// Concurrency: constant data. Source: due-process.md "Events"; SPEC §4.

#include <span>
#include <string_view>

#include "protocol/process/event.h"

namespace tocsin::protocol {

struct EventSpec {
  Event event;
  std::string_view name;
  std::span<const SlotSpec> slots;
};

// Ascending codes within each group.
std::span<const EventSpec> event_table();

}  // namespace tocsin::protocol
