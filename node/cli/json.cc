#include "node/cli/json.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "crypto/base/result.h"
#include "protocol/wire/json_text.h"

namespace tocsin::cli {

std::string json_of(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string out;
  CHECK_INVARIANT(google::protobuf::util::MessageToJsonString(message, &out, options).ok());
  return out;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  if (body_.size() > 1) body_ += ',';
  body_ += protocol::json_string(name);
  body_ += ':';
  body_ += json;
  return *this;
}

JsonObject& JsonObject::array(std::string_view name, const std::vector<std::string>& values) {
  std::string list = "[";
  for (const std::string& value : values) {
    if (list.size() > 1) list += ',';
    list += value;
  }
  return raw(name, list + "]");
}

JsonObject& JsonObject::fields(std::string_view object) {
  const std::string_view inner = object.substr(1, object.size() - 2);
  if (inner.empty()) return *this;
  if (body_.size() > 1) body_ += ',';
  body_ += inner;
  return *this;
}

JsonObject envelope(std::string_view kind) {
  JsonObject out;
  out.text("api", kApi).text("kind", kind);
  return out;
}

}  // namespace tocsin::cli
