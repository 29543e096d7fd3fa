#!/usr/bin/env python3
"""The include table and the confinement of heavy headers and of clocks, randomness and sleep (ARCHITECTURE.md)."""
import functools
import re

import tree

LAYERS = ["crypto", "protocol", "storage", "node", "tests"]  # a folder includes itself and those to its left

# Inside node: a room includes rooms of a lower rank and of its own, but peer and http never each other.
NODE_RANKS = {
    "runtime": 0, "log": 0, "metrics": 0, "config": 0, "identity": 0, "media": 0, "files": 0,
    "backup": 0,
    "ledger": 1,
    "signals": 2, "cases": 2, "matching": 2, "members": 2, "network": 2, "feed": 2, "witness": 2, "gossip": 2,
    "peer": 3, "http": 3, "recovery": 3,
    "daemon": 4,
}
CLI_MAY = {"cli", "backup", "config", "identity", "media", "log", "files"}

# (headers, where they may stand, what is wrong elsewhere). Tests may include anything.
CONFINED = [
    (r"sodium\.h|sodium/.*", r"crypto/", "libsodium stays in crypto"),
    (r"tl/expected\.hpp", r"crypto/base/result\.h$", "use crypto/base/result.h"),
    (r"(google/protobuf|tocsin/v1)/.*", r"(protocol|storage|node)/", "crypto knows no messages"),
    (r"idn2\.h|libpsl\.h|unicode/.*", r"protocol/signal/.*\.cc$", "only normalisers read IDNA, suffix and Unicode tables"),
    (r"rocksdb/.*", r"storage/.*\.cc$", "RocksDB stays in storage's sources"),
    (r"grpc(pp)?/.*|tocsin/v1/.*\.grpc\.pb\.h", r"node/peer/", "gRPC stays in node/peer"),
    (r"boost/beast.*", r"node/http/connection\.cc$", "Beast has exactly one file"),
    (r"boost/asio.*", r"node/(runtime/|http/(server\.cc|connection\.(h|cc))$|peer/(link|socket)\w*\.(h|cc)$)",
     "asio stays in the runtime, the server and the link"),
    (r"toml\+\+/.*", r"node/config(\.cc$|/)", "TOML is read by the configuration alone"),
    (r"CLI/.*", r"node/cli/", "the command line parser stays in node/cli"),
    (r"(spdlog|fmt)/.*", r"node/log", "log through node/log"),
    (r"jpeglib\.h|turbojpeg\.h|png\.h|webp/.*|seccomp\.h", r"node/media/", "decoders stay in the media process"),
    (r"openssl/.*", r"node/((media|peer|identity)/|http/tls\.cc$)", "OpenSSL serves TLS, certificates and media digests only"),
    (r"curl/.*", r"node/(cli/|witness/outside\.cc$)", "HTTP clients are the command line and the asker of outside witnesses"),
    (r"boost/.*", r"node/", "crypto, protocol and storage do without Boost"),
    (r"(catch2|rapidcheck|benchmark)/.*|rapidcheck\.h", r"tests/", "test libraries stay in tests"),
    (r"fstream|iostream|filesystem|thread|sys/socket\.h|fcntl\.h",
     r"(protocol/verify|storage|node)/", "crypto and protocol do no I/O and start no thread"),
]
KNOWN_PREFIXES = {"sys", "linux", "netinet", "arpa", "net", "asm", "bits", "ext", "experimental", "absl", "sanitizer"}

# (pattern in code, where it may stand, what is wrong elsewhere)
BANNED = [
    (r"\brandom_device\b", r"$^", "randomness comes from crypto/random or the Runtime"),
    (r"(?<![\w.>])s?rand\s*\(", r"$^", "randomness comes from crypto/random or the Runtime"),
    (r"\b(system_clock|steady_clock|high_resolution_clock)\s*::\s*now\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)"
     r"|\bclock_gettime\s*\(|\bgettimeofday\s*\(",
     r"node/(runtime|cli)/|protocol/verify/main\.cc$|tests/(?!simulation/)", "the clock is the Runtime's"),
    (r"\bthis_thread\s*::\s*sleep|(?<![\w.>:])(u|nano)?sleep\s*\(", r"(storage|node)/", "tests never sleep: wait for the event"),
]


def room_of(path):
    """node/peer/link.cc -> peer; node/config.cc -> config."""
    return path.split("/")[1].split(".")[0]


def own_include(path, target):
    """What is wrong with `path` including our own header `target`, or None."""
    here, there = path.split("/")[0], target.split("/")[0]
    if there not in LAYERS or "/" not in target:
        return "include from the tree's root: " + target
    if LAYERS.index(there) > LAYERS.index(here):
        return f"{here} may not include {there}: {target}"
    if here == there == "node":
        return node_include(room_of(path), room_of(target), target)
    return None


def node_include(mine, its, target):
    if mine == its:
        return None
    if mine == "cli":
        return None if its in CLI_MAY else f"node/cli talks to the daemon and does not link it: {target}"
    for room in (mine, its):
        if room not in NODE_RANKS:
            return f"node/{room} has no rank: give it one in tests/lint/check_layers.py"
    if {mine, its} == {"peer", "http"}:
        return f"node/peer and node/http never include each other: {target}"
    if NODE_RANKS[its] > NODE_RANKS[mine]:
        return f"node/{mine} may not include node/{its}: {target}"
    return None


def foreign_include(path, target):
    """What is wrong with `path` including somebody else's header, or None."""
    if path.startswith("tests/"):
        return None
    matched = False
    for pattern, allowed, why in CONFINED:
        if re.fullmatch(pattern, target):
            matched = True
            if not re.match(allowed, path):
                return f"<{target}>: {why}"
    if not matched and "/" in target and target.split("/")[0] not in KNOWN_PREFIXES:
        return f"<{target}>: no row of tests/lint/check_layers.py says who may include it"
    return None


@functools.lru_cache(maxsize=None)
def check_file(path, text):
    findings = []
    for line, bracket, target in tree.includes(text):
        generated = target.startswith("tocsin/v1/")
        wrong = own_include(path, target) if bracket == '"' and not generated else foreign_include(path, target)
        if wrong:
            findings.append(f"{path}:{line}: {wrong}")
    code = tree.code_of(text)
    for pattern, allowed, why in BANNED:
        if re.match(allowed, path):
            continue
        for hit in re.finditer(pattern, code):
            findings.append(f"{path}:{tree.line_of(code, hit.start())}: {hit.group(0).strip()}: {why}")
    return findings


def check(root):
    findings = []
    for path in tree.files(root):
        if tree.is_cpp(path) and path.split("/")[0] in LAYERS:
            findings += check_file(path, tree.read(root, path))
    return findings


if __name__ == "__main__":
    tree.run("check_layers", check)
