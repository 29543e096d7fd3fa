#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "node/cli/command.h"
#include "node/cli/exit_code.h"
#include "node/cli/session.h"
#include "node/cli/time_text.h"
#include "node/identity/keystore.h"
#include "protocol/identity/words.h"
#include "protocol/process/event.h"
#include "tocsin/v1/admin.pb.h"

namespace tocsin::cli {
namespace {

constexpr std::uint64_t kYear9999Ms = 253'402'300'799'999;

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Settings of the new node that are written to its tocsin.toml.
constexpr std::string_view kInitSettings[] = {"name",        "listen",     "advertise",      "http-listen",
                                              "read-listen", "log-origin", "passphrase-file"};

// Peers cannot connect to "every address": a node that listens there is reached by its name.
void advertise_by_name(node::Config& config, std::string& toml) {
  const Result<node::HostPort> listen = node::parse_host_port(config.listen);
  if (!config.advertise.empty() || !listen || (listen->host != "0.0.0.0" && listen->host != "::")) return;
  config.advertise = config.name + ":" + std::to_string(listen->port);
  toml += "advertise = " + toml_quote(config.advertise) + "\n";
}

Result<node::Config> init_config(Session& session, const Arguments& arguments, std::string& toml) {
  node::ConfigSources sources;
  sources.flags.emplace_back("data-dir", session.config().data_dir);
  for (const std::string_view setting : kInitSettings) {
    const std::string flag = "--" + std::string(setting);
    if (!arguments.has(flag)) continue;
    std::string value = arguments.text(flag);
    if (setting == "passphrase-file") value = std::filesystem::absolute(value).lexically_normal().string();
    sources.flags.emplace_back(setting, value);
    std::string key(setting);
    for (char& c : key) c = c == '-' ? '_' : c;
    toml += key + " = " + toml_quote(value) + "\n";
  }
  toml = "# Settings of this node; the daemon's manual lists them all.\ndata_dir = " +
         toml_quote(session.config().data_dir) + "\n" + toml;
  TRY_ASSIGN(node::LoadedConfig loaded, node::load_config(sources));
  advertise_by_name(loaded.config, toml);
  return std::move(loaded.config);
}

Status write_settings(const std::string& path, const std::string& toml) {
  std::ofstream file(path, std::ios::binary);
  file << toml << std::flush;
  if (file) return {};
  return fail(Code::kInternal, "cannot write " + path + ": " + std::strerror(errno), "file/write");
}

Result<int> init(Session& session, const Arguments& arguments) {
  std::string toml;
  TRY_ASSIGN(const node::Config config, init_config(session, arguments, toml));
  const auto credentials = session.io().environment.find("CREDENTIALS_DIRECTORY");
  TRY_ASSIGN(const node::KeystoreLock lock,
             node::read_keystore_lock(config.passphrase_file, credentials == session.io().environment.end()
                                                                  ? std::string()
                                                                  : credentials->second));
  node::InitOptions options;
  options.data_dir = config.data_dir;
  options.name = config.name;
  options.address = config.advertised_address();
  options.log_origin = config.ledger_origin();
  options.now_ms = session.now_ms();
  TRY_ASSIGN(const node::Keys keys, node::init_node(options, lock));
  TRY(write_settings(config.data_dir + "/tocsin.toml", toml));
  const std::string print = protocol::print_fingerprint(keys.descriptor.fingerprint());
  TRY_ASSIGN(const protocol::SafetyWords words, protocol::safety_words(keys.descriptor.fingerprint()));
  if (!session.for_people()) {
    JsonObject object = envelope("Node");
    object.text("name", config.name).text("data_dir", config.data_dir).text("fingerprint", print);
    session.print_object(object.text("words", protocol::print_words(words)));
    return static_cast<int>(kDone);
  }
  session.print_text("✓ " + config.name + " made in " + config.data_dir + "\n  key      " + print +
                     "\n  words    " + protocol::print_words(words) + "\n  peers    " +
                     config.advertised_address() + "\nNext: tocsind serve --config " + config.data_dir +
                     "/tocsin.toml\n");
  return static_cast<int>(kDone);
}

Result<v1::StatusReply> ask_status(Session& session) {
  return session.daemon().call<v1::StatusReply>("Status", v1::StatusRequest());
}

std::string quarantine_text(const v1::StatusReply& reply) {
  return (reply.state() == "repairing" ? "↻ REPAIRING: " : "✗ QUARANTINED: ") +
         printable(reply.quarantine()) + "\n" +
         (reply.quarantine_why().empty() ? "" : "  why  " + printable(reply.quarantine_why()) + "\n") +
         (reply.quarantine_fix().empty() ? "" : "  fix  " + printable(reply.quarantine_fix()) + "\n") +
         "This node signs nothing, serves no ledger, answers no look-up and takes nothing.\n" +
         (reply.has_recovery() ? recovery_text(reply.recovery()) : "") + grouped(reply.ledger_size()) +
         " ledger entries in its store\nkey " + reply.fingerprint() + "\n";
}

std::string gossip_text(const v1::StatusReply& reply) {
  std::string out;
  if (reply.peers_quarantined() != 0)
    out += std::to_string(reply.peers_quarantined()) + (reply.peers_quarantined() == 1 ? " peer" : " peers") +
           " in quarantine: tocsin ledger evidence list\n";
  for (const std::string& alarm : reply.alarms()) out += "ALARM  " + printable(alarm) + "\n";
  return out;
}

Result<int> status(Session& session, const Arguments&) {
  TRY_ASSIGN(const v1::StatusReply reply, ask_status(session));
  if (!reply.quarantine().empty()) {
    session.print_one("Status", reply, printable(reply.name()) + "\n" + quarantine_text(reply));
    return static_cast<int>(kDone);
  }
  session.print_one("Status", reply,
                    printable(reply.name()) + " · tocsind " + printable(reply.software()) + " up " +
                        print_duration(reply.uptime_s()) + " · network " +
                        (reply.network().empty() ? "none" : printable(reply.network())) + " · " +
                        std::to_string(reply.peers_in_sync()) + "/" + std::to_string(reply.peers_active()) +
                        " peers in sync\n" + grouped(reply.ledger_size()) + " ledger entries · " +
                        grouped(reply.signals()) + " signals, " + grouped(reply.matching()) +
                        " match · review " + grouped(reply.awaiting_review()) + " waiting\n" +
                        (reply.has_witnessing() ? witnessed_text(reply.witnessing(), session.now_ms()) : "") +
                        gossip_text(reply) + "key " + reply.fingerprint() + "\n");
  return static_cast<int>(kDone);
}

// From the keystore when a passphrase is given (no daemon needed), else from the daemon.
Result<std::string> own_fingerprint(Session& session, const Arguments& arguments) {
  if (!arguments.has("--passphrase-file")) {
    TRY_ASSIGN(const v1::StatusReply reply, ask_status(session));
    return reply.fingerprint();
  }
  TRY_ASSIGN(const node::KeystoreLock lock,
             node::read_keystore_lock(arguments.text("--passphrase-file"), {}));
  TRY_ASSIGN(const node::Keys keys, node::open_keystore(session.config().data_dir, lock));
  return protocol::print_fingerprint(keys.descriptor.fingerprint());
}

Result<int> fingerprint(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const std::string print, own_fingerprint(session, arguments));
  if (session.for_people()) {
    session.print_text(print);
  } else {
    session.print_object(envelope("Fingerprint").text("fingerprint", print));
  }
  return static_cast<int>(kDone);
}

Result<int> words(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(const std::string print, own_fingerprint(session, arguments));
  TRY_ASSIGN(const Hash hash, protocol::parse_fingerprint(print));
  TRY_ASSIGN(const protocol::SafetyWords safety, protocol::safety_words(hash));
  if (session.for_people()) {
    session.print_text(protocol::print_words(safety));
  } else {
    session.print_object(
        envelope("Words").text("fingerprint", print).text("words", protocol::print_words(safety)));
  }
  return static_cast<int>(kDone);
}

Result<int> rotate(Session& session, const Arguments& arguments) {
  const std::string key = arguments.text("KEY");
  if (key != "tls" && key != "envelope" && key != "operational")
    return tocsin::fail(
        usage_error("\"" + key + "\" is no key that can be rotated", "tls, envelope or operational"));
  if (arguments.has("--reason") && key != "operational")
    return tocsin::fail(usage_error("--reason stands in the ledger, which names the operational key alone",
                                    "leave --reason out"));
  v1::RotateRequest request;
  request.set_key(key);
  request.set_reason(arguments.text("--reason"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RotateReply>("Rotate", request));
  std::string text = "✓ new " + key + " key; peers learn of it from descriptor " +
                     std::to_string(reply.descriptor_sequence()) + "\n";
  if (!reply.vkey().empty()) text += "  log  " + printable(reply.vkey()) + "\n";
  if (reply.waiting())
    text += "Both keys sign until the witnesses have cosigned the change: tocsin ledger witness list\n";
  if (key == "operational")
    text += "Next: tell witnesses and auditors outside the network the new key of the log.\n";
  session.print_one("Rotation", reply, text);
  return static_cast<int>(kDone);
}

Result<int> set_address(Session& session, const Arguments& arguments) {
  v1::RotateRequest request;
  request.set_key("address");
  request.set_address(arguments.text("ADDRESS"));
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::RotateReply>("Rotate", request));
  session.print_one(
      "Rotation", reply,
      "✓ peers reach this node at " + printable(request.address()) + " from descriptor " +
          std::to_string(reply.descriptor_sequence()) +
          " on\nNext: set listen or advertise in tocsin.toml, and restart where the port is another.\n");
  return static_cast<int>(kDone);
}

Result<int> ledger_status(Session& session, const Arguments&) {
  TRY_ASSIGN(const v1::StatusReply reply, ask_status(session));
  if (session.for_people()) {
    session.print_text(grouped(reply.ledger_size()) + " entries\n" +
                       witnessed_text(reply.witnessing(), session.now_ms()) + "\n" + reply.checkpoint());
  } else {
    session.print_object(envelope("LedgerStatus")
                             .number("size", reply.ledger_size())
                             .text("checkpoint", reply.checkpoint())
                             .number("published", reply.witnessing().published())
                             .number("witnessed_size", reply.witnessing().size())
                             .number("witnessed_s", reply.witnessing().time_s())
                             .text("missing", reply.witnessing().missing()));
  }
  return static_cast<int>(kDone);
}

// What is opened and to whom, the same for every bundle.
Status read_disclosure(const Arguments& arguments, v1::ExportRequest& request) {
  request.set_path(std::filesystem::absolute(arguments.text("FILE")).lexically_normal().string());
  const std::string redact = arguments.text("--redact");
  if (!redact.empty() && redact != "personal" && redact != "all" && redact != "none")
    return tocsin::fail(usage_error("--redact takes personal, all or none", "tocsin ledger export --help"));
  if (arguments.has("--personal") && redact != "" && redact != "none")
    return tocsin::fail(usage_error("--personal opens what --redact closes", "--redact none"));
  request.set_personal(arguments.has("--personal") || redact == "none");
  request.set_closed(redact == "all");
  const std::string whom = arguments.text("--for");
  static constexpr std::string_view kWhom[] = {"auditor", "authority", "person"};
  const auto at = std::find(std::begin(kWhom), std::end(kWhom), whom);
  if (!whom.empty() && at == std::end(kWhom))
    return tocsin::fail(usage_error("--for takes auditor, authority or person", "--for auditor"));
  request.set_to_whom(whom.empty() ? 1 : static_cast<std::uint32_t>(at - std::begin(kWhom) + 1));
  request.set_recipient(arguments.text("--recipient"));
  return {};
}

// "retraction-issued", in the events' own names.
Result<std::uint32_t> event_code(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  for (std::uint32_t code = 0x0100; code < 0x0600; ++code) {
    const auto event = protocol::event_from_code(static_cast<std::uint16_t>(code));
    if (event && (protocol::event_name(*event) == name || protocol::event_name(*event).starts_with(name)))
      return code;
  }
  return tocsin::fail(usage_error("no kind of record is called \"" + name + "\"", "RETRACTION_ISSUED"));
}

Status read_events(const Arguments& arguments, v1::ExportRequest& request) {
  if ((arguments.has("--since") || arguments.has("--until")) && !arguments.has("--event"))
    return tocsin::fail(usage_error("--since and --until go with --event", "--event RETRACTION_ISSUED"));
  std::uint64_t since = 0;
  std::uint64_t until = kYear9999Ms;
  if (arguments.has("--since")) {
    TRY_ASSIGN(since, parse_time(arguments.text("--since")));
  }
  if (arguments.has("--until")) {
    TRY_ASSIGN(until, parse_time(arguments.text("--until")));
  }
  for (const std::string& name : arguments.all("--event")) {
    TRY_ASSIGN(const std::uint32_t code, event_code(name));
    v1::EventWindow& window = *request.add_events();
    window.set_event(code);
    window.set_from_ms(since);
    window.set_to_ms(until);
  }
  return {};
}

Result<int> send_export(Session& session, const v1::ExportRequest& request) {
  TRY_ASSIGN(const auto reply, session.daemon().call<v1::ExportReply>("Export", request));
  session.print_one("Export", reply,
                    printable(reply.path()) + "  " + grouped(reply.bytes()) + " bytes  " +
                        grouped(reply.entries()) + " entries  " + grouped(reply.openings()) +
                        " opened\n  key       " + printable(reply.vkey()) +
                        "\nCheck it anywhere: tocsin-verify " + printable(reply.path()) + " --vkey '" +
                        printable(reply.vkey()) + "'\n");
  return static_cast<int>(kDone);
}

Result<int> ledger_export(Session& session, const Arguments& arguments) {
  constexpr std::uint64_t kIndexMax = ~std::uint64_t{0} >> 1;
  v1::ExportRequest request;
  TRY(read_disclosure(arguments, request));
  TRY_ASSIGN(const std::uint64_t from, arguments.number("--from", 0, kIndexMax));
  TRY_ASSIGN(const std::uint64_t to, arguments.number("--to", 0, kIndexMax));
  request.set_from(from);
  request.set_to(to);
  TRY(read_events(arguments, request));
  for (const std::string& signal : arguments.all("--signal")) request.add_signals(signal);
  return send_export(session, request);
}

Result<int> ledger_prove(Session& session, const Arguments& arguments) {
  v1::ExportRequest request;
  TRY(read_disclosure(arguments, request));
  request.set_prove(true);
  for (const std::string& signal : arguments.all("--signal")) request.add_signals(signal);
  for (const std::string& chain : arguments.all("--chain")) request.add_chains(chain);
  for (const std::string& signal : arguments.all("--absent")) request.add_absent(signal);
  return send_export(session, request);
}

Result<int> version(Session& session, const Arguments&) {
  if (session.for_people()) {
    session.print_text("tocsin " TOCSIN_VERSION);
  } else {
    session.print_object(envelope("Version").text("version", TOCSIN_VERSION));
  }
  return static_cast<int>(kDone);
}

}  // namespace

std::vector<Command> node_commands() {
  const OptionSpec passphrase{"--passphrase-file", "FILE", "open the keystore, instead of asking the daemon"};
  const OptionSpec kRedact{"--redact", "WHAT",
                           "personal: fields about persons stay closed (default); all: everything; none"};
  const OptionSpec kFor{"--for", "WHOM", "auditor (default), authority or person: it is recorded"};
  const OptionSpec kRecipient{"--recipient", "TEXT", "who exactly; recorded, closed like personal fields"};
  return {
      {"init",
       "make a node: its directory, keys and settings",
       {{"--name", "NAME", "a lower-case DNS name, for ever", Need::kRequired},
        {"--passphrase-file", "FILE",
         "its first line seals the keystore; else the systemd credential tocsin-kek"},
        {"--listen", "HOST:PORT", "where peers connect to; 0.0.0.0:7443"},
        {"--advertise", "HOST:PORT", "how peers reach it, when that is another address"},
        {"--http-listen", "HOST:PORT", "the HTTP API, /metrics and /healthz; none"},
        {"--read-listen", "HOST:PORT", "the ledger for anybody, and its witness; none"},
        {"--log-origin", "ORIGIN", "what the ledger is called; NAME/tocsin. \"sigsum\": as sigsum asks"}},
       {"tocsin init --name video.example --data-dir /srv/tocsin --passphrase-file /etc/tocsin/passphrase",
        "tocsin init --name video.example --listen 0.0.0.0:7443 --advertise tocsin.video.example:7443"},
       init},
      {"status", "one look at the node", {}, {"tocsin status", "tocsin status -o json"}, status},
      {"key fingerprint",
       "what others know this node by",
       {passphrase},
       {"tocsin key fingerprint"},
       fingerprint},
      {"key words", "six words to read to them by phone", {passphrase}, {"tocsin key words"}, words},
      {"key rotate",
       "replace a key that the root key vouches for",
       {{"KEY", "", "tls, envelope or operational (which signs the ledger)", Need::kRequired},
        {"--reason", "TEXT", "why the operational key is replaced; stands in the ledger"}},
       {"tocsin key rotate tls", "tocsin key rotate operational --reason \"yearly change\""},
       rotate},
      {"node set-address",
       "where peers reach this node from now on",
       {{"ADDRESS", "", "host:port of the peer port, as others see it", Need::kRequired}},
       {"tocsin node set-address tocsin.video.example:7443"},
       set_address},
      {"ledger status", "size and checkpoint", {}, {"tocsin ledger status"}, ledger_status},
      {"ledger export",
       "a bundle that tocsin-verify checks anywhere",
       {{"FILE", "", "where the daemon writes it", Need::kRequired},
        {"--from", "INDEX", "first entry; 0"},
        {"--to", "INDEX", "one past the last; all"},
        {"--signal", "ID", "only what concerns this signal", Need::kRepeated},
        {"--event", "KIND", "only records of this kind, with the signals they are about", Need::kRepeated},
        {"--since", "TIME", "with --event: from this time on"},
        {"--until", "TIME", "with --event: before this time"},
        kRedact,
        kFor,
        kRecipient,
        {"--personal", "", "the same as --redact none: only for the person's own case"}},
       {"tocsin ledger export october.bundle --from 31000 --to 62000",
        "tocsin ledger export case.bundle --signal q7k2 --for authority --recipient 'Court of Appeal, 4 U "
        "12/26'",
        "tocsin ledger export retractions.bundle --event RETRACTION_ISSUED --since 2026-10-01 --until "
        "2026-11-01"},
       ledger_export},
      {"ledger prove",
       "a small bundle: proofs of single signals, or that there is nothing of them",
       {{"FILE", "", "where the daemon writes it", Need::kRequired},
        {"--signal", "ID", "its whole life, with proofs", Need::kRepeated},
        {"--chain", "HEX", "the same of any chain of records", Need::kRepeated},
        {"--absent", "ID", "that the ledger has nothing of this signal; its whole id", Need::kRepeated},
        kRedact,
        kFor,
        kRecipient},
       {"tocsin ledger prove q7k2.bundle --signal q7k2"},
       ledger_prove},
      {"version", "of this program", {}, {"tocsin version"}, version},
  };
}

}  // namespace tocsin::cli
