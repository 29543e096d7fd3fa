#pragma once
// Test vectors as JSON: our own in tests/vectors, and official ones where they lie beside the tree.
//
// A user's clone has no official vectors: shared_vectors() then says so on standard output and returns
// nothing, and the test ends there. TOCSIN_VECTORS names another folder than ../shared/vectors.

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "crypto/base/bytes.h"

namespace tocsin::test {

// "merkle/proofs.json" under the folder of official vectors; prints `skipped: no ../shared/vectors` when not
// there.
std::optional<boost::json::value> shared_vectors(std::string_view path);
// The same file's bytes, for those that are not JSON.
std::optional<std::string> shared_file(std::string_view path);
// "pdq/full_resolution.csv" under tests/vectors; throws when it is missing.
std::string own_file(std::string_view path);
// "leaf.json" under tests/vectors; throws when it is missing or not JSON.
boost::json::value own_vectors(std::string_view path);

// Hex that a test spells out; throws on anything else.
Bytes unhex(std::string_view hex);
// Strings of a vector file; each throws on anything else.
Bytes hex_bytes(const boost::json::value& text);
Bytes base64_bytes(const boost::json::value& text);
Hash hex_hash(const boost::json::value& text);
// A JSON number or a decimal string.
std::uint64_t number(const boost::json::value& value);

}  // namespace tocsin::test
