#pragma once
// Which files a bundle of some scope may hold, by name (SPEC §9).
//
// Concurrency: pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/verify/bundle.h"
#include "protocol/verify/scope.h"

namespace tocsin::protocol {

bool has_place(std::string_view name, std::uint64_t tree_size, const std::optional<Scope>& scope,
               const Bundle& bundle);
// "index/<index>/<chain>"
std::optional<std::pair<std::uint64_t, Hash>> parse_index_name(std::string_view name);
// "2 chains and 1 kind of record", for a sentence.
std::string scope_words(const Scope& scope);

}  // namespace tocsin::protocol
