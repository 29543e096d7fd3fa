#include "tests/support/vectors.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include <boost/json/src.hpp>

#include "crypto/base/encoding.h"

namespace tocsin::test {
namespace {

std::optional<std::string> read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Bytes value_or_throw(Result<Bytes> bytes) {
  if (!bytes) throw std::runtime_error("a vector file has a bad string: " + bytes.error().message);
  return std::move(*bytes);
}

std::string_view text_of(const boost::json::value& value) {
  const auto& text = value.as_string();
  return {text.data(), text.size()};
}

}  // namespace

std::optional<std::string> shared_file(std::string_view path) {
  const char* chosen = std::getenv("TOCSIN_VECTORS");
  const std::string folder = chosen != nullptr ? chosen : TOCSIN_SOURCE_DIR "/../shared/vectors";
  auto text = read(folder + "/" + std::string(path));
  if (!text) std::cout << "skipped: no ../shared/vectors (" << path << ")\n";
  return text;
}

std::optional<boost::json::value> shared_vectors(std::string_view path) {
  const auto text = shared_file(path);
  if (!text) return std::nullopt;
  return boost::json::parse(*text);
}

std::string own_file(std::string_view path) {
  auto text = read(TOCSIN_SOURCE_DIR "/tests/vectors/" + std::string(path));
  if (!text) throw std::runtime_error("no tests/vectors/" + std::string(path));
  return std::move(*text);
}

boost::json::value own_vectors(std::string_view path) {
  return boost::json::parse(own_file(path));
}

Bytes unhex(std::string_view hex) {
  return value_or_throw(hex_decode(hex));
}
Bytes hex_bytes(const boost::json::value& text) {
  return value_or_throw(hex_decode(text_of(text)));
}
Bytes base64_bytes(const boost::json::value& text) {
  return value_or_throw(base64_decode(text_of(text)));
}

Hash hex_hash(const boost::json::value& text) {
  const auto hash = fixed<32>(hex_bytes(text), "hash");
  if (!hash) throw std::runtime_error(hash.error().message);
  return *hash;
}

std::uint64_t number(const boost::json::value& value) {
  return value.is_string() ? std::stoull(std::string(text_of(value))) : value.to_number<std::uint64_t>();
}

}  // namespace tocsin::test
