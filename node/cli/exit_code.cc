#include "node/cli/exit_code.h"

#include <ostream>

#include "node/cli/json.h"
#include "node/cli/terminal.h"

namespace tocsin::cli {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
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
