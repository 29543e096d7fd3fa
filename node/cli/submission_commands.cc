#include <filesystem>
#include <fstream>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/import.h"
#include "node/cli/json.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "protocol/identity/ids.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

// What every new signal may say; of an import, for rows that leave it out.
const std::vector<OptionSpec> kFields = {
    {"--label", "LABEL", "what it is, e.g. tvec:propaganda", Need::kRepeated},
    {"--category", "TEXT", "DSA category; the node's default otherwise"},
    {"--source", "SOURCE", "own-initiative, user-notice, trusted-flagger, referral, order or victim"},
    {"--state-involvement", "KIND", "none, referral or order"},
    {"--automated-detection", "KIND", "no, partly or fully"},
    {"--jurisdiction", "CODE", "where the basis holds, e.g. EU"},
    {"--case-reference", "TEXT", "the case at your company; personal, opened to nobody"},
    {"--expires", "WHEN", "a duration or a time; 1y"},
    {"--submitter-key", "HEX", "key id of the submitter; the node's own key otherwise"},
};

std::vector<OptionSpec> with_fields(std::vector<OptionSpec> own) {
  own.insert(own.end(), kFields.begin(), kFields.end());
  return own;
}

Result<v1::NewSignal> fields(Session& session, const Arguments& arguments) {
  v1::NewSignal out;
  for (const std::string& label : arguments.all("--label")) out.add_labels(label);
  out.set_category(arguments.text("--category"));
  out.set_source(arguments.text("--source"));
  out.set_state_involvement(arguments.text("--state-involvement"));
  out.set_automated_detection(arguments.text("--automated-detection"));
  out.set_jurisdiction(arguments.text("--jurisdiction"));
  out.set_case_reference(arguments.text("--case-reference"));
  if (arguments.has("--expires")) {
    TRY_ASSIGN(const std::uint64_t until, parse_moment(arguments.text("--expires"), session.now_ms()));
    out.set_valid_until_ms(until);
  }
  return out;
}

Result<std::string> submitter_key(const Arguments& arguments) {
  if (!arguments.has("--submitter-key")) return std::string();
  const Result<Bytes> key = hex_decode(arguments.text("--submitter-key"));
  if (key && key->size() == 8) return to_string(*key);
  return tocsin::fail(usage_error("--submitter-key takes 16 hex digits", "tocsin user list"));
}

std::string outcome_json(const v1::SubmitItem& item) {
  JsonObject object;
  std::string id;
  if (item.signal().size() == 32)
    id = protocol::print_signal_id(*fixed<32>(as_view(item.signal()), "a signal id"));
  object.text("id", id)
      .text("outcome", item.outcome() == v1::SubmitItem::NEW ? "new" : "known")
      .number("index", item.index());
  return object.str();
}

// Submits a few signals; the first rejection is the error, and nothing is said of the others.
Result<int> submit_all(Session& session, const v1::SubmitRequest& request) {
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::SubmitReply>("Submit", request));
  std::vector<std::string> json;
  std::string text;
  for (const v1::SubmitItem& item : reply.items()) {
    if (item.outcome() == v1::SubmitItem::REJECTED) {
      return tocsin::fail(
          Error{Code::kInvalidArgument, "cannot submit: " + item.error(), item.rule(), {}, {}});
    }
    json.push_back(outcome_json(item));
    TRY_ASSIGN(const Hash id, fixed<32>(as_view(item.signal()), "a signal id from the daemon"));
    text += protocol::print_signal_id(id) +
            (item.outcome() == v1::SubmitItem::NEW ? "  submitted, ledger entry " + grouped(item.index())
                                                   : std::string("  known already")) +
            "\n";
  }
  if (session.for_people()) {
    session.print_text(text + "  next: a reviewer decides   (tocsin review queue)\n");
  } else {
    session.print_items("SubmitResult", json, {}, {});
  }
  return static_cast<int>(kDone);
}

Status add_file(Session& session, const Arguments& arguments, const v1::NewSignal& base,
                v1::SubmitRequest& request) {
  TRY_ASSIGN(const auto hashes,
             session.daemon().send_file<v1::HashFileReply>("HashFile", arguments.text("VALUE")));
  std::vector<std::string> types = arguments.all("--only");
  if (types.empty()) types = {"sha256", "md5", "pdq"};
  const std::string group = to_string(crypto::random_bytes<32>());
  for (const std::string& type : types) {
    v1::NewSignal signal = base;
    signal.set_type(type);
    if (types.size() > 1) signal.set_content_group(group);
    if (type == "sha256") {
      signal.set_value(hex_encode(as_view(hashes.sha256())));
    } else if (type == "md5") {
      signal.set_value(hex_encode(as_view(hashes.md5())));
    } else if (type == "pdq") {
      if (hashes.pdq().empty() && !arguments.has("--only")) continue;
      if (hashes.pdq().empty())
        return fail(Code::kInvalidArgument, "no picture that can be hashed", "media/format");
      signal.set_value(hashes.pdq());
      signal.set_quality(hashes.quality());
    } else {
      return tocsin::fail(
          usage_error("a file has no hash of type \"" + type + "\"", "--only sha256, md5 or pdq"));
    }
    *request.add_signals() = std::move(signal);
  }
  return {};
}

Result<int> submit(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(v1::NewSignal signal, fields(session, arguments));
  v1::SubmitRequest request;
  TRY_ASSIGN(*request.mutable_submitter_key(), submitter_key(arguments));
  if (arguments.text("TYPE") == "file") {
    TRY(add_file(session, arguments, signal, request));
    return submit_all(session, request);
  }
  TRY_ASSIGN(const std::uint64_t quality, arguments.number("--quality", 0, 100));
  signal.set_type(arguments.text("TYPE"));
  signal.set_value(arguments.text("VALUE"));
  signal.set_quality(static_cast<std::uint32_t>(quality));
  *request.add_signals() = std::move(signal);
  return submit_all(session, request);
}

Result<ImportOptions> import_options(Session& session, const Arguments& arguments) {
  const std::string path = arguments.text("FILE");
  ImportOptions options;
  TRY_ASSIGN(options.defaults, fields(session, arguments));
  TRY_ASSIGN(options.submitter_key, submitter_key(arguments));
  options.dry_run = arguments.has("--dry-run");
  options.rejects_path = arguments.has("--rejects") ? arguments.text("--rejects")
                                                    : (path == "-" ? "stdin" : path) + ".rejects.ndjson";
  if (arguments.has("--format")) {
    TRY_ASSIGN(options.format, row_format_from_name(arguments.text("--format")));
  } else if (path.ends_with(".csv")) {
    options.format = RowFormat::kCsv;
  } else if (path.ends_with(".ndjson") || path.ends_with(".jsonl")) {
    options.format = RowFormat::kNdjson;
  }
  std::error_code none;
  if (path != "-") options.input_bytes = std::filesystem::file_size(path, none);
  if (none) options.input_bytes = 0;
  return options;
}

void print_import(Session& session, const ImportOptions& options, const ImportCounts& counts) {
  const std::string rejects = counts.rejected == 0 ? "" : options.rejects_path;
  if (!session.for_people()) {
    JsonObject object = envelope("Import");
    object.number("new", counts.fresh).number("known", counts.known).number("rejected", counts.rejected);
    object.number("last_line", counts.last_line)
        .text("rejects_file", rejects)
        .flag("dry_run", options.dry_run);
    return session.print_object(object.flag("interrupted", counts.interrupted));
  }
  session.print_text((options.dry_run ? "would take " : "") + grouped(counts.fresh) + " new · " +
                     grouped(counts.known) + " already known · " + grouped(counts.rejected) + " rejected" +
                     (rejects.empty() ? "" : "   rejects → " + rejects) + "\n");
}

Result<int> import(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const ImportOptions options, import_options(session, arguments));
  const std::string path = arguments.text("FILE");
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(Code::kNotFound, "cannot read " + path, "file/read");
  }
  ImportCounts counts;
  const Status status = import_rows(session, path == "-" ? session.io().in : file, options, counts);
  if (!status) {
    Error error = status.error();
    if (counts.last_line > 0) {
      error.why +=
          (error.why.empty() ? "" : "; ") + ("lines up to " + grouped(counts.last_line) + " are done");
      error.fix = "run the same command again: what is done is not done twice";
    }
    return tocsin::fail(std::move(error));
  }
  print_import(session, options, counts);
  if (counts.interrupted) {
    session.io().err << "stopped after line " << grouped(counts.last_line)
                     << "; run the same command again to go on\n";
    return static_cast<int>(kInterrupted);
  }
  return static_cast<int>(counts.rejected == 0 ? kDone : kPartlyDone);
}

}  // namespace

std::vector<Command> submission_commands() {
  return {
      {"signal submit",
       "submit one signal, or the hashes of a file",
       with_fields({{"TYPE", "", "sha256, sha1, md5, pdq, url, domain, or file", Need::kRequired},
                    {"VALUE", "", "the hash, URL or domain; the path of a file", Need::kRequired},
                    {"--quality", "0..100", "of a PDQ hash"},
                    {"--only", "TYPE", "of a file: this hash only (sha256, md5, pdq)", Need::kRepeated}}),
       {"tocsin signal submit url https://example.org/manifesto.pdf --label tvec:manifesto",
        "tocsin signal submit file clip-frame.jpg --label tvec:propaganda --only pdq"},
       submit},
      {"signal import",
       "submit a list: CSV with a header row, or NDJSON",
       with_fields({{"FILE", "", "the list; - for standard input", Need::kRequired},
                    {"--format", "FORMAT", "csv or ndjson; else by the name or the first character"},
                    {"--dry-run", "", "say what would be new, known and rejected; change nothing"},
                    {"--rejects", "FILE", "where rejected lines go; FILE.rejects.ndjson"}}),
       {"tocsin signal import hashes.csv --label tvec:propaganda --dry-run",
        "zcat hashes.ndjson.gz | tocsin signal import - --format ndjson --rejects bad.ndjson"},
       import},
  };
}

}  // namespace tocsin::cli
