#!/usr/bin/env python3
"""Shows that the lints find what they are for: each rule is broken once in a copy of the tree, and must complain."""
import os
import shutil
import sys
import tempfile

import check_layers
import check_style
import check_tree
import tree

HEADER = "#pragma once\n// A planted header.\n"
LONG = "// " + "x" * 120 + "\n"
MARK = "TO" + "DO"
PLACE = "/ho" + "me/somebody/tocsin"

# (check, file, text added to it, a part of the finding it must cause)
FAULTS = [
    (check_layers, "crypto/planted.cc", '#include "protocol/log/leaf.h"\n', "crypto may not include protocol"),
    (check_layers, "protocol/planted.cc", '#include "storage/store.h"\n', "protocol may not include storage"),
    (check_layers, "storage/planted.h", '#include "node/runtime/runtime.h"\n', "storage may not include node"),
    (check_layers, "node/ledger/planted.cc", '#include "tests/support/catch.h"\n', "node may not include tests"),
    (check_layers, "node/ledger/planted.cc", '#include "ledger.h"\n', "include from the tree's root"),
    (check_layers, "node/ledger/planted.cc", '#include "node/peer/link.h"\n', "node/ledger may not include node/peer"),
    (check_layers, "node/peer/planted.cc", '#include "node/http/router.h"\n', "never include each other"),
    (check_layers, "node/http/planted.cc", '#include "node/peer/link.h"\n', "never include each other"),
    (check_layers, "node/http/planted.cc", '#include "node/daemon/node.h"\n', "node/http may not include node/daemon"),
    (check_layers, "node/cli/planted.cc", '#include "node/ledger/ledger.h"\n', "talks to the daemon"),
    (check_layers, "node/planted_room/x.cc", '#include "node/ledger/ledger.h"\n', "has no rank"),
    (check_layers, "protocol/planted.cc", "#include <sodium.h>\n", "libsodium stays in crypto"),
    (check_layers, "node/ledger/planted.cc", "#include <tl/expected.hpp>\n", "use crypto/base/result.h"),
    (check_layers, "crypto/planted.cc", '#include "tocsin/v1/record.pb.h"\n', "crypto knows no messages"),
    (check_layers, "storage/planted.h", "#include <rocksdb/db.h>\n", "RocksDB stays"),
    (check_layers, "node/ledger/planted.cc", "#include <rocksdb/db.h>\n", "RocksDB stays"),
    (check_layers, "node/ledger/planted.cc", "#include <grpcpp/grpcpp.h>\n", "gRPC stays"),
    (check_layers, "node/http/api.cc", "#include <boost/beast.hpp>\n", "Beast has exactly one file"),
    (check_layers, "node/http/api.cc", "#include <boost/asio/post.hpp>\n", "asio stays"),
    (check_layers, "node/ledger/planted.cc", "#include <toml++/toml.h>\n", "TOML"),
    (check_layers, "node/daemon/planted.cc", "#include <CLI/CLI.hpp>\n", "command line parser stays"),
    (check_layers, "node/peer/planted.cc", "#include <spdlog/spdlog.h>\n", "log through node/log"),
    (check_layers, "node/matching/planted.cc", "#include <jpeglib.h>\n", "decoders stay"),
    (check_layers, "node/matching/planted.cc", "#include <openssl/evp.h>\n", "OpenSSL serves"),
    (check_layers, "node/peer/planted.cc", "#include <curl/curl.h>\n", "HTTP clients are the command line"),
    (check_layers, "protocol/planted.cc", "#include <boost/json.hpp>\n", "do without Boost"),
    (check_layers, "node/peer/planted.cc", "#include <catch2/catch.hpp>\n", "test libraries stay"),
    (check_layers, "protocol/planted.cc", "#include <fstream>\n", "do no I/O"),
    (check_layers, "protocol/planted.cc", "#include <unicode/uchar.h>\n", "only normalisers"),
    (check_layers, "node/peer/planted.cc", "#include <unheard_of/thing.h>\n", "no row of"),
    (check_layers, "crypto/planted.cc", "int f() { std::random_device d; return int(d()); }\n", "randomness comes"),
    (check_layers, "node/ledger/planted.cc", "int f() { return rand (); }\n", "randomness comes"),
    (check_layers, "node/ledger/planted.cc", "auto t = std::chrono::system_clock::now();\n", "the clock is"),
    (check_layers, "storage/planted.cc", "auto t = time(nullptr);\n", "the clock is"),
    (check_layers, "tests/simulation/planted.cc", "auto t = std::chrono::steady_clock::now();\n", "the clock is"),
    (check_layers, "tests/node/planted.cc", "std::this_thread::sleep_for(1ms);\n", "tests never sleep"),
    (check_layers, "tests/node/planted.cc", "usleep(100);\n", "tests never sleep"),
    (check_tree, "tests/crypto/planted_test.cc", "// x\n", "tests no source"),
    (check_tree, "crypto/planted.cc", "// x\n", "no CMakeLists.txt lists it"),
    (check_tree, "crypto/string_util.h", HEADER, "name says nothing"),
    (check_tree, "node/common/planted.h", HEADER, "node/common: the name says nothing"),
    (check_tree, "crypto/planted.h", HEADER + "class PeerManager {};\n", "type PeerManager"),
    (check_tree, "planted.txt", "x\n", "no such entry at the top"),
    (check_tree, "docs/planted.md", "x\n", "no such entry at the top"),
    (check_tree, "crypto/planted.h", HEADER + f"// {MARK}: later\n", "a mark left over"),
    (check_tree, "README.md", f"{PLACE}\n", "a path of one machine"),
    (check_tree, "crypto/planted.h", "\n", "empty"),
    (check_tree, "ops/planted", "#!/bin/sh\n", "no run bit"),
    (check_tree, "protocol/planted.pb.h", HEADER, "generated code"),
    (check_tree, "ARCHITECTURE.md", "| `kPlantedMax` | 1 | none | crypto/hash.h |\n", "crypto/hash.h has no kPlantedMax"),
    (check_style, "crypto/planted.h", HEADER + LONG, "lines over 110"),
    (check_style, "crypto/planted.cc", "\n" * 801, "801 lines"),
    (check_style, "crypto/planted.h", "// A planted header.\n#pragma once\n", "first line is #pragma once"),
    (check_style, "crypto/planted.h", "#pragma once\n\nint x;\n\n// Late.\n", "no header comment"),
]
# What the lints must not take for a fault.
SOUND = [
    (check_layers, "node/ledger/planted.cc", '// rand() and #include "x.h"\nauto s = "system_clock::now";\n'),
    (check_layers, "node/runtime/planted.cc", "auto t = std::chrono::system_clock::now();\n#include <boost/asio/post.hpp>\n"),
    (check_layers, "tests/node/planted.cc", '#include <rocksdb/env.h>\n#include "node/daemon/node.h"\nint operand(int);\n'),
    (check_style, "node/cli/planted.cc", 'auto help = R"(\n' + "x" * 120 + '\n)";\n'),
    (check_tree, "ops/planted.md", "mktemp -d /tmp/demo.XXXXXX\n"),
]


def planted(root, path, text):
    """Adds text to a file of the copy; returns what undoes it."""
    full = os.path.join(root, path)
    before = None
    if os.path.exists(full):
        with open(full, encoding="utf-8") as file:
            before = file.read()
    made = os.path.dirname(full)
    while not os.path.isdir(os.path.dirname(made)):
        made = os.path.dirname(made)
    new_folder = not os.path.isdir(made)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write((before or "") + text)

    def undo():
        if before is not None:
            with open(full, "w", encoding="utf-8") as file:
                file.write(before)
        elif new_folder:
            shutil.rmtree(made)
        else:
            os.remove(full)

    return undo


def trial(root, check, path, text, clean):
    undo = planted(root, path, text)
    try:
        return [finding for finding in check.check(root) if finding not in clean[check]]
    finally:
        undo()


def main(source):
    missed = 0
    with tempfile.TemporaryDirectory() as copy:
        for path in tree.files(source):
            os.makedirs(os.path.join(copy, os.path.dirname(path)), exist_ok=True)
            shutil.copy(os.path.join(source, path), os.path.join(copy, path))
        clean = {check: set(check.check(copy)) for check in (check_layers, check_tree, check_style)}
        for check, path, text, expected in FAULTS:
            if not any(expected in finding for finding in trial(copy, check, path, text, clean)):
                missed += 1
                print(f"{check.__name__} did not find: {expected} ({path})")
        for check, path, text in SOUND:
            for finding in trial(copy, check, path, text, clean):
                missed += 1
                print(f"{check.__name__} cried wolf: {finding}")
    print(f"planted_test: {len(FAULTS)} faults planted, {len(SOUND)} sound files, {missed} misjudged")
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: planted_test.py ROOT")
    sys.exit(main(os.path.abspath(sys.argv[1])))
