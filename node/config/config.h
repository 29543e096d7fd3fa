#pragma once
// What an operator can set. The field comments are the manual; `tocsin config show --origin` prints the
// table.
//
// Every setting may stand in the file (TOML, flat: `match_radius = 31`), in the environment
// (TOCSIN_MATCH_RADIUS) or on the command line (--match-radius); the command line wins over the environment,
// the environment over the file, the file over the default. Secrets are never settings: settings name the
// files that hold them. Errors, all kInvalidArgument: "config/unknown" (names the nearest known key),
// "config/value" (names the key, where it came from and what it may be), "config/syntax" (line of the file);
// kNotFound "config/file" for an unreadable file. Concurrency: values.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/base/result.h"

namespace tocsin::node {

struct Config {
  // Where the node keeps its keys and its store; mode 0700, made by `tocsin init`. An absolute path.
  std::string data_dir = "/var/lib/tocsin";
  // The node's name in its networks: a lower-case DNS name, e.g. "video.example". Fixed when the node is
  // made.
  std::string name;
  // Address of the peer port, "host:port"; IPv6 in brackets. Port 0 takes any free port.
  std::string listen = "0.0.0.0:7443";
  // The "host:port" at which peers reach that port, when it is not `listen` itself.
  std::string advertise;
  // Unix socket for the operator's commands; empty: "admin.sock" in data_dir. Only this user and root may use
  // it.
  std::string admin_socket;
  // Address of the HTTP API, /metrics and /healthz; empty: none. Plain HTTP: keep it on loopback or behind a
  // proxy.
  std::string http_listen;
  // Address at which the ledger is served to anybody (checkpoint, tiles, entries: C2SP tlog-tiles) and at
  // which this node cosigns others' checkpoints (C2SP tlog-witness); empty: none.
  std::string read_listen;
  // What stands before "/checkpoint" and "/tile/..." in their URLs: nothing, or "/name".
  std::string read_prefix;
  // Requests a second that it answers, of all clients together; 0: no limit.
  std::uint32_t read_rate = 2000;
  // Its certificate, which makes it HTTPS (TLS 1.3): a PEM file, the server's own certificate first, read
  // again when it changes; "node" for the node's own, as on the peer port; empty: plain HTTP.
  std::string read_certificate;
  // PEM file with that certificate's key, closed to other users; empty with "node".
  std::string read_key;
  // PEM file of authorities: then only clients with a certificate that one of them issued may read.
  std::string read_client_ca;
  // yes: the nodes of active members may read, by their own certificates; others only by read_client_ca.
  std::string read_members = "no";
  // Days after which records are no longer served there, 0 or 1280 to 36500; 0: never. Nothing is deleted,
  // and peers and bundles get every record.
  std::uint32_t read_retention_days = 0;
  // Whom to write to about a weakness of this node, a URI such as mailto:security@example.org: served as
  // /.well-known/security.txt on read_listen and http_listen; empty: not served.
  std::string security_contact;
  // Hashes of the HTTP API's bearer tokens; empty: "tokens" in data_dir.
  std::string token_file;
  // File with the keystore's passphrase; empty: the systemd credential "tocsin-kek".
  std::string passphrase_file;
  // debug, info, warning, error or off.
  std::string log_level = "info";
  // text (key=value) or json.
  std::string log_format = "text";
  // PDQ hashes match up to this many differing bits, 0 to 64. At 31 about one unrelated pair in 10^9 matches.
  std::uint32_t match_radius = 31;
  // PDQ hashes of images below this quality are neither shared nor looked up, 0 to 100.
  std::uint32_t quality_gate = 50;
  // Program that hashes media files apart from the node; empty: "tocsin-media" beside the daemon.
  std::string media_worker;
  // C2SP checkpoint origin of the node's ledger; empty: name + "/tocsin"; "sigsum": the one that sigsum asks
  // for, made from the ledger's key. Fixed when the node is made.
  std::string log_origin;
  // MiB of the disk under data_dir that only retractions may use, 0 to 1048576; 0: the disk is not watched.
  std::uint32_t disk_reserve_mb = 128;
  // Hours between two INDEX_EPOCH records, which prove what chains there are; 0: only exports append them.
  std::uint32_t index_hours = 24;
  // Threads for hashing, verification and look-ups, 1 to 64.
  std::uint32_t workers = 2;

  std::string admin_socket_path() const;
  std::string token_file_path() const;
  std::string advertised_address() const { return advertise.empty() ? listen : advertise; }
  std::string ledger_origin() const { return log_origin.empty() ? name + "/tocsin" : log_origin; }
};

// Media files sent to a node for hashing, at most; the command line asks before it sends.
inline constexpr std::size_t kUploadBytesMax = std::size_t{64} << 20;

// A setting as it came out, and from where: "default", "/etc/tocsin.toml:12", "TOCSIN_LISTEN", "--listen".
struct Setting {
  std::string key;
  std::string value;
  std::string origin;
};

struct LoadedConfig {
  Config config;
  std::vector<Setting> settings;  // in the order of Config's fields
};

struct ConfigSources {
  std::string file;                                        // empty: none
  std::map<std::string, std::string> environment;          // others than TOCSIN_* are ignored
  std::vector<std::pair<std::string, std::string>> flags;  // {"match-radius", "20"}; the last of equals wins
};

Result<LoadedConfig> load_config(const ConfigSources& sources);

struct KnownSetting {
  std::string key;
  std::string form;  // what its value may be, in words
};
// Every setting, in the order of Config's fields.
std::vector<KnownSetting> known_settings();

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
// "host:port" or "[v6]:port"; kInvalidArgument otherwise.
Result<HostPort> parse_host_port(std::string_view text);
// Lower-case DNS name of at most 253 bytes with labels of 1 to 63 letters, digits and inner hyphens.
bool is_dns_name(std::string_view text);

}  // namespace tocsin::node
