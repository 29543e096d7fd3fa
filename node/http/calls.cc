#include "node/http/calls.h"

#include <google/protobuf/util/json_util.h>

#include "protocol/wire/prescan.h"

namespace tocsin::node {
namespace {

// Commas and opening brackets outside strings: at least one for each value that would be built.
std::size_t json_elements(std::string_view text) {
  std::size_t count = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (!in_string && (c == ',' || c == '{' || c == '[')) ++count;
  }
  return count;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

}  // namespace

bool has_media_type(const Request& request, std::string_view type) {
  std::string_view value = request.header("content-type");
  value = value.substr(0, value.find(';'));
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  return lower(value) == type;
}

Status read_protobuf(const Request& request, google::protobuf::Message& out) {
  return protocol::parse_untrusted(as_view(request.body), out, {kBodyMax, kCallElementsMax});
}

Status read_json(const Request& request, google::protobuf::Message& out) {
  if (!has_media_type(request, "application/json"))
    return fail(Error{Code::kInvalidArgument, "the body must be JSON", "http/media-type", "",
                      "send it with Content-Type: application/json"});
  if (request.body.size() > kBodyMax || json_elements(request.body) > kJsonElementsMax)
    return fail(Code::kResourceExhausted, "the request has too many elements", "http/elements");
  const auto parsed = google::protobuf::util::JsonStringToMessage(request.body, &out);
  if (!parsed.ok())
    return fail(Code::kInvalidArgument, "the JSON does not fit: " + std::string(parsed.message()),
                "http/json");
  return {};
}

Response protobuf_reply(const google::protobuf::Message& message) {
  return {200, "application/x-protobuf", message.SerializeAsString(), {}};
}

Response json_reply(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  Response response{200, "application/json", {}, {}};
  if (!google::protobuf::util::MessageToJsonString(message, &response.body, options).ok())
    return problem({Code::kInternal, "the reply cannot be written as JSON", "http/json"});
  response.body += '\n';
  return response;
}

}  // namespace tocsin::node
