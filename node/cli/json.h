#pragma once
// The JSON that commands print: one envelope for everything, {"api":"tocsin/v1","kind":"PeerList",…}.
//
// Guarantee: messages come out by protobuf's JSON mapping with the field names of the .proto files and every
// plain field present, so that a script never meets a missing one. Concurrency: values and pure functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/wire/json_text.h"

namespace google::protobuf {
class Message;
}

namespace tocsin::cli {

inline constexpr std::string_view kApi = "tocsin/v1";

std::string json_of(const google::protobuf::Message& message);

// An object written field by field, in the order of the calls.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value) {
    return raw(name, protocol::json_string(value));
  }
  JsonObject& number(std::string_view name, std::uint64_t value) { return raw(name, std::to_string(value)); }
  JsonObject& flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
  // `json` is a JSON value already.
  JsonObject& raw(std::string_view name, std::string_view json);
  JsonObject& array(std::string_view name, const std::vector<std::string>& values);  // JSON values
  // Every field of another object, "{…}".
  JsonObject& fields(std::string_view object);
  std::string str() const { return body_ + "}"; }

 private:
  std::string body_ = "{";
};

// An object that begins with api and kind.
JsonObject envelope(std::string_view kind);

}  // namespace tocsin::cli
