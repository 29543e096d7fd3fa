#pragma once
// The daemon's operator port: one call, one HTTP POST over its Unix socket (admin.proto).
//
// Guarantee: bounded in time and memory; an error of the daemon arrives as the Error it was, rule, why and
// fix included. Errors of its own: kUnavailable "admin/unreachable" (nobody listens), kPermissionDenied
// "admin/socket", kDeadlineExceeded "admin/timeout", kDataLoss "admin/reply" (not what admin.proto says).
// Concurrency: one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <google/protobuf/message_lite.h>

#include "crypto/base/result.h"

namespace tocsin::cli {

inline constexpr std::size_t kReplyBytesMax = std::size_t{64} << 20;  // the longest list the daemon pages out

inline constexpr long kCallSeconds = 60;
// For a call that reads or writes the whole store.
inline constexpr long kLongCallSeconds = 6 * 3600;

class AdminClient {
 public:
  explicit AdminClient(std::string socket_path);
  ~AdminClient();
  AdminClient(AdminClient&&) noexcept;
  AdminClient& operator=(AdminClient&&) = delete;

  template <typename Reply>
  Result<Reply> call(std::string_view name, const google::protobuf::MessageLite& request,
                     long seconds = kCallSeconds) {
    TRY_ASSIGN(const std::string body, post(name, request.SerializeAsString(), seconds));
    return parsed<Reply>(name, body);
  }
  // The file itself is the body.
  template <typename Reply>
  Result<Reply> send_file(std::string_view name, const std::string& path) {
    TRY_ASSIGN(const std::string body, post_file(name, path));
    return parsed<Reply>(name, body);
  }

 private:
  class Transfer;
  template <typename Reply>
  static Result<Reply> parsed(std::string_view name, const std::string& body) {
    Reply reply;
    if (!reply.ParseFromString(body)) return fail(bad_reply(name));
    return reply;
  }
  static Error bad_reply(std::string_view name);
  Result<std::string> post(std::string_view name, const std::string& body, long seconds);
  Result<std::string> post_file(std::string_view name, const std::string& path);

  std::string socket_path_;
  std::unique_ptr<Transfer> transfer_;
};

// The Error that an RFC 9457 body tells of; `status` decides the code when the body does not.
Error problem_of(std::string_view body, long status);

}  // namespace tocsin::cli
