#include "node/cli/exit_code.h"

#include <ostream>

#include "node/cli/json.h"
#include "node/cli/terminal.h"

namespace tocsin::cli {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// The HTTP status that the code has in RFC 9457 form; the daemon's own table is node/http's.
unsigned http_status(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return 400;
    case Code::kUnauthenticated:
      return 401;
    case Code::kPermissionDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kFailedPrecondition:
    case Code::kAlreadyExists:
    case Code::kAborted:
      return 409;
    case Code::kResourceExhausted:
      return 429;
    case Code::kUnavailable:
      return 503;
    case Code::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

void print_json(std::ostream& out, const Error& error) {
  JsonObject object;
  object.text("type", "about:blank")
      .text("title", code_name(error.code))
      .text("code", code_name(error.code))
      .text("detail", error.message);
  object.number("status", http_status(error.code));
  object.number("exit", static_cast<unsigned>(exit_code(error)));
  if (!error.rule.empty()) object.text("rule", error.rule);
  if (!error.why.empty()) object.text("why", error.why);
  if (!error.fix.empty()) object.text("fix", error.fix);
  out << object.str() << '\n';
}

}  // namespace

ExitCode exit_code(const Error& error) {
  if (starts_with(error.rule, "due-process/") || starts_with(error.rule, "policy/")) return kRefused;
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      return kUsage;
    case Code::kNotFound:
      return kNotFound;
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return kNotAllowed;
    case Code::kFailedPrecondition:
    case Code::kAlreadyExists:
    case Code::kAborted:
      return kConflict;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return kUnreachable;
    case Code::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

void print_error(std::ostream& out, const Error& error, const ErrorForm& form) {
  if (form.json) return print_json(out, error);
  out << paint("tocsin:", Paint::kRed, form.colour) << ' ' << printable(error.message);
  if (!error.rule.empty()) out << "   [" << printable(error.rule) << ']';
  out << '\n';
  if (!error.why.empty()) out << "  Why:  " << printable(error.why) << '\n';
  if (!error.fix.empty()) out << "  Fix:  " << printable(error.fix) << '\n';
}

Error usage_error(std::string message, std::string fix) {
  return {Code::kInvalidArgument, std::move(message), "usage", {}, std::move(fix)};
}

}  // namespace tocsin::cli
