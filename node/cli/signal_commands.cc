#include <filesystem>
#include <fstream>

#include "crypto/base/encoding.h"
#include "crypto/random.h"
#include "node/cli/attested.h"
#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/import.h"
#include "node/cli/session.h"
#include "node/cli/signal_text.h"
#include "node/cli/time_text.h"
#include "protocol/identity/descriptor.h"
#include "protocol/identity/ids.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

using protocol::SlotType;

constexpr std::uint64_t kListPage = 50;
constexpr std::uint64_t kListPageMax = 1000;

const OptionSpec kSignals{"SIGNAL", "", "ids, or any unambiguous beginning", Need::kRequiredRepeated};
const OptionSpec kSignal{"SIGNAL", "", "its id, or any unambiguous beginning", Need::kRequired};

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

Result<int> show(Session& session, const Arguments& arguments) {
  v1::SignalRequest request;
  request.set_id(arguments.text("SIGNAL"));
  TRY_ASSIGN(const auto view, session.daemon().call<v1::SignalView>("SignalShow", request));
  session.print_one("Signal", view, signal_text(view));
  return static_cast<int>(kDone);
}

Result<int> list(Session& session, const Arguments& arguments) {
  v1::SignalListRequest request;
  request.set_state(arguments.text("--state"));
  request.set_type(arguments.text("--type"));
  request.set_issuer(arguments.text("--issuer"));
  const bool all = arguments.has("--all");
  TRY_ASSIGN(const std::uint64_t limit,
             arguments.number("--limit", all ? kListPageMax : kListPage, kListPageMax));
  request.set_limit(static_cast<std::uint32_t>(limit));
  if (arguments.has("--after")) {
    const Result<Bytes> after = hex_decode(arguments.text("--after"));
    if (!after) return tocsin::fail(usage_error("--after takes what \"next\" of the page before says"));
    request.set_after(to_string(*after));
  }
  v1::SignalListReply out;
  do {
    TRY_ASSIGN(auto page, session.daemon().call<v1::SignalListReply>("SignalList", request));
    request.set_after(page.next());
    out.set_next(page.next());
    if (session.format() == OutputFormat::kNdjson) {
      session.print_list("SignalList", page.signals(), {});  // page by page: any number fits
    } else {
      out.mutable_signals()->MergeFrom(page.signals());
    }
  } while (all && !request.after().empty());
  if (session.format() != OutputFormat::kNdjson) {
    session.print_list("SignalList", out.signals(), signal_table(out.signals()),
                       hex_encode(as_view(out.next())));
  }
  if (session.for_people() && !out.next().empty()) {
    session.io().err << "more follow: --all, or --after " << hex_encode(as_view(out.next())) << '\n';
  }
  return static_cast<int>(kDone);
}

Result<int> history(Session& session, const Arguments& arguments) {
  v1::SignalRequest request;
  request.set_id(arguments.text("SIGNAL"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::HistoryReply>("History", request));
  Table table = {{"TIME", "LEDGER", "ENTRY", "EVENT", "WHAT"}};
  for (const auto& e : reply.entries()) {
    table.push_back({print_time(e.time_ms()), e.ledger(), grouped(e.index()), e.event_name(), e.text()});
  }
  session.print_list("History", reply.entries(), table);
  return static_cast<int>(kDone);
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

Result<int> publish(Session& session, const Arguments& arguments) {
  static constexpr std::string_view kTlp[] = {"clear", "green", "amber", "amber+strict", "red"};
  v1::PublishRequest request;
  for (const std::string& signal : arguments.all("SIGNAL")) request.add_signals(signal);
  request.set_group(arguments.text("--group"));
  request.set_purpose(arguments.text("--purpose"));
  for (std::uint32_t i = 0; i < std::size(kTlp); ++i) {
    if (arguments.text("--tlp") == kTlp[i]) request.set_tlp(i + 1);
  }
  if (arguments.has("--tlp") && request.tlp() == 0) {
    return tocsin::fail(usage_error("no TLP \"" + arguments.text("--tlp") + "\"",
                                    "clear, green, amber, amber+strict or red"));
  }
  const std::string use = arguments.text("--use");
  if (!use.empty() && use != "review" && use != "act") {
    return tocsin::fail(usage_error("no permitted use \"" + use + "\"", "--use review or --use act"));
  }
  if (!use.empty()) request.set_permitted_use(use == "review" ? 1 : 2);
  TRY_ASSIGN(const std::uint64_t hops, arguments.number("--hop-limit", 0, 16));
  request.set_hop_limit(static_cast<std::uint32_t>(hops));
  if (arguments.has("--expires")) {
    TRY_ASSIGN(const std::uint64_t expires, parse_moment(arguments.text("--expires"), session.now_ms()));
    request.set_expires_ms(expires);
  }
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RecordReply>("Publish", request));
  session.print_one("Record", reply, record_text("published", reply));
  return static_cast<int>(kDone);
}

Result<std::uint64_t> choice(const std::string& what, const std::string& typed,
                             std::initializer_list<std::string_view> names) {
  std::uint64_t at = 0;
  std::string all;
  for (const std::string_view name : names) {
    ++at;
    if (name == typed) return at;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return tocsin::fail(usage_error("no " + what + " \"" + typed + "\"", "one of " + all));
}

Result<int> opine(Session& session, const Arguments& arguments) {
  const int chosen = arguments.has("--agree") + arguments.has("--investigate") + arguments.has("--disagree");
  if (chosen != 1) return tocsin::fail(usage_error("say one of --agree, --investigate or --disagree"));
  const std::uint64_t opinion = arguments.has("--agree") ? 1 : arguments.has("--investigate") ? 2 : 3;
  TRY_ASSIGN(const std::uint64_t reason, choice("reason", arguments.text("--reason"),
                                                {"confirmed", "news-coverage", "wrong-label", "not-violating",
                                                 "context-excluded", "duplicate", "other"}));
  TRY_ASSIGN(const SecretBytes passphrase, read_secret_file(arguments.text("--passphrase-file")));
  TRY_ASSIGN(const PersonKey person, read_person_key(arguments.text("--key-file"), passphrase));
  TRY_ASSIGN(const Subject subject,
             resolve_subject(session, arguments.all("SIGNAL"), protocol::Event::kOpinion));
  std::vector<protocol::SlotValue> slots = {
      protocol::slot_number(0, SlotType::kEnum, opinion),
      protocol::slot_number(1, SlotType::kEnum, reason),
      protocol::slot_bytes(2, SlotType::kHash, as_view(subject.reply.label_set())),
      protocol::slot_number(3, SlotType::kEnum, 1),
      protocol::slot_number(4, SlotType::kEnum, arguments.has("--not-independent") ? 2 : 1),
      protocol::slot_bytes(8, SlotType::kKeyId, protocol::key_id(person.key.public_key())),
      protocol::slot_number(11, SlotType::kTime, session.now_ms())};
  TRY_ASSIGN(const auto reply, send_attested(session, subject, std::move(slots), &person, {}));
  session.print_one("Record", reply, record_text("opinion recorded", reply));
  return static_cast<int>(kDone);
}

Result<int> retract(Session& session, const Arguments& arguments) {
  v1::RetractRequest request;
  for (const std::string& signal : arguments.all("SIGNAL")) request.add_signals(signal);
  std::string reason = arguments.text("--reason");
  for (char& c : reason) c = c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  request.set_reason(reason);
  request.set_cause(arguments.text("--cause"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RecordReply>("Retract", request));
  session.print_one("Record", reply, record_text("retracted", reply));
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> signal_commands() {
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
      {"signal show",
       "one signal: basis, state, opinions, receipts",
       {kSignal},
       {"tocsin signal show sig_k2m5n7"},
       show},
      {"signal list",
       "signals this node holds",
       {{"--state", "STATE", "LIVE, SHAREABLE, RETRACTED, HELD, …"},
        {"--type", "TYPE", "sha256, pdq, …"},
        {"--issuer", "NAME", "of this member only"},
        {"--limit", "N", "at most this many; 50"},
        {"--after", "HEX", "the page after this one"},
        {"--all", "", "every page"}},
       {"tocsin signal list --state LIVE", "tocsin signal list --all -o ndjson"},
       list},
      {"signal history",
       "all that happened to a signal, in every ledger we hold",
       {kSignal},
       {"tocsin signal history sig_k2m5n7 -o json"},
       history},
      {"signal import",
       "submit a list: CSV with a header row, or NDJSON",
       with_fields({{"FILE", "", "the list; - for standard input", Need::kRequired},
                    {"--format", "FORMAT", "csv or ndjson; else by the name or the first character"},
                    {"--dry-run", "", "say what would be new, known and rejected; change nothing"},
                    {"--rejects", "FILE", "where rejected lines go; FILE.rejects.ndjson"}}),
       {"tocsin signal import hashes.csv --label tvec:propaganda --dry-run",
        "zcat hashes.ndjson.gz | tocsin signal import - --format ndjson --rejects bad.ndjson"},
       import},
      {"signal publish",
       "share reviewed signals with the network",
       {kSignals,
        {"--group", "NAME", "one group of the network; all members otherwise"},
        {"--tlp", "TLP", "clear, green, amber, amber+strict or red; amber"},
        {"--use", "USE", "what receivers may do: review or act; act"},
        {"--purpose", "TEXT", "what it is shared for"},
        {"--hop-limit", "N", "how often it may be passed on; 0"},
        {"--expires", "WHEN", "the signal's own time otherwise"}},
       {"tocsin signal publish sig_k2m5n7 --tlp amber"},
       publish},
      {"signal opine",
       "a person's opinion of another company's signal",
       {kSignals,
        {"--agree", "", "it is what it is said to be"},
        {"--investigate", "", "worth a look, not confirmed"},
        {"--disagree", "", "it is not"},
        {"--reason", "REASON",
         "confirmed, news-coverage, wrong-label, not-violating, context-excluded, duplicate, other",
         Need::kRequired},
        {"--not-independent", "", "it rests on somebody else's opinion"},
        {"--key-file", "FILE", "the reviewer's key", Need::kRequired},
        {"--passphrase-file", "FILE", "its first line opens the key", Need::kRequired}},
       {"tocsin signal opine sig_k2m5n7 --disagree --reason news-coverage --key-file r-17.key "
        "--passphrase-file r-17.pass"},
       opine},
      {"signal retract",
       "withdraw our signal everywhere; receivers answer with a receipt",
       {kSignals,
        {"--reason", "REASON", "false-positive, wrong-label, basis-lapsed, appeal-upheld, …",
         Need::kRequired},
        {"--cause", "TEXT", "what came to light"}},
       {"tocsin signal retract sig_k2m5n7 --reason false-positive --cause \"news footage\""},
       retract},
  };
}

}  // namespace tocsin::cli
