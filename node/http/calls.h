#pragma once
// Calls with a protobuf message in and one out: the operator's, binary over the admin socket, and the API's,
// in JSON.
//
// Guarantee: elements are counted before a message is built, so that a small body cannot become a large one
// in memory. JSON follows protobuf's mapping with the names as in the .proto files; unknown names are
// refused. Errors: kInvalidArgument "http/json", "http/media-type"; kResourceExhausted "http/elements";
// parse_untrusted's. Concurrency: pure functions; a call's function runs on Lane::kWorkers, several at a
// time.

#include <functional>
#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "node/http/problem.h"
#include "node/http/router.h"

namespace tocsin::node {

// More commas and brackets than 1000 items need.
inline constexpr std::size_t kJsonElementsMax = 32 * 1024;
// The same for a protobuf body: 1000 signals with all their fields and labels.
inline constexpr std::size_t kCallElementsMax = 64 * 1024;

// The body as a message. JSON must say so: Content-Type "application/json".
Status read_protobuf(const Request& request, google::protobuf::Message& out);
Status read_json(const Request& request, google::protobuf::Message& out);
// Whether the request's media type is `type`, whatever its parameters.
bool has_media_type(const Request& request, std::string_view type);

Response protobuf_reply(const google::protobuf::Message& message);
Response json_reply(const google::protobuf::Message& message);

// POST /admin/v1/<name>, for the admin socket alone.
template <typename In, typename Out>
Route admin_call(const std::string& name, std::function<Result<Out>(const In&)> call) {
  return {"POST", "/admin/v1/" + name, Scope::kOperator, [call = std::move(call)](const Request& request) {
            In in;
            if (const Status read = read_protobuf(request, in); !read) return problem(read.error());
            const Result<Out> out = call(in);
            return out ? protobuf_reply(*out) : problem(out.error());
          }};
}

}  // namespace tocsin::node
