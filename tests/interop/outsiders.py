#!/usr/bin/env python3
"""Our node between programs that nobody here wrote: the witness `litewitness` cosigns its ledger, and a Go
client of C2SP tlog-tiles reads and proves every record (reader/reader.go, on filippo.io/torchwood).

    tests/interop/outsiders.py --bin BUILD/bin [--litewitness PROGRAM] [--records N]

What is missing (Go with its module proxy, ssh-agent) is named in one line, and the exit code is 77: skipped.
Programs are built into a cache beside the temporary directory given by --cache (default: under the user's own).
"""
import argparse
import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

TORCHWOOD = "filippo.io/torchwood"
VERSION = "v0.6.1"
SKIPPED = 77
PATIENCE_S = 60


def skip(why):
    print(f"interop: skipped: {why}")
    sys.exit(SKIPPED)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"interop: {' '.join(map(str, words))} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def until(what, check):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    sys.exit(f"interop: not within {PATIENCE_S} s: {what}")


def cosignature_vkey(name, public):
    material = b"\x04" + public
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(material).decode()}"


def go_build(cache, env):
    """litewitness and the reader, from the module proxy; skips when it does not serve them."""
    reader = os.path.join(cache, "reader")
    os.makedirs(reader, exist_ok=True)
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reader", "reader.go")
    shutil.copy(source, reader)
    steps = [["go", "install", f"{TORCHWOOD}/cmd/litewitness@{VERSION}"]]
    if not os.path.exists(os.path.join(reader, "go.mod")):
        steps += [["go", "mod", "init", "reader"], ["go", "get", f"{TORCHWOOD}@{VERSION}"]]
    steps.append(["go", "build", "-o", os.path.join(cache, "bin", "tile-reader"), "."])
    for step in steps:
        done = subprocess.run(step, cwd=reader, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            skip(f"`{' '.join(step)}` failed: {done.stderr.strip().splitlines()[-1] if done.stderr else ''}")


class Outsiders:
    def __init__(self, options, work):
        self.work = work
        self.options = options
        self.processes = []

    def start(self, *words, **more):
        log = open(os.path.join(self.work, os.path.basename(words[0]) + ".log"), "w")
        self.processes.append(subprocess.Popen(words, stdout=log, stderr=log, **more))

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait()

    def tocsin(self, *words):
        return run(os.path.join(self.options.bin, "tocsin"), *words, "--data-dir", self.data)

    def start_node(self):
        self.data = os.path.join(self.work, "node")
        passphrase = os.path.join(self.work, "passphrase")
        with open(os.open(passphrase, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("an interoperation test\n")
        self.read_url = f"http://127.0.0.1:{free_port()}"
        self.tocsin("init", "--name", "log.example", "--passphrase-file", passphrase, "--listen", "127.0.0.1:0",
                    "--advertise", "127.0.0.1:1", "--read-listen", self.read_url[7:])
        self.start(os.path.join(self.options.bin, "tocsind"), "serve", "--config", self.data + "/tocsin.toml")
        until("the node serves", lambda: os.path.exists(self.data + "/admin.sock"))
        self.log_vkey = json.loads(self.tocsin("ledger", "witness", "list", "-o", "json"))["log_vkey"]

    def start_witness(self):
        key = os.path.join(self.work, "witness-key")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        blob = base64.b64decode(open(key + ".pub").read().split()[1])
        print_of = run("ssh-keygen", "-l", "-f", key + ".pub").split()[1]
        self.witness_vkey = cosignature_vkey("lite.example/witness", blob[-32:])
        agent = os.path.join(self.work, "agent")
        self.start("ssh-agent", "-D", "-a", agent)
        until("ssh-agent listens", lambda: os.path.exists(agent))
        run("ssh-add", "-q", key, env={**os.environ, "SSH_AUTH_SOCK": agent})
        database = os.path.join(self.work, "witness.db")
        with sqlite3.connect(database) as db:
            db.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
            db.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
            db.execute("INSERT INTO log VALUES ('log.example/tocsin', 0, ?)",
                       (base64.b64encode(hashlib.sha256(b"").digest()).decode(),))
            db.execute("INSERT INTO key VALUES ('log.example/tocsin', ?)", (self.log_vkey,))
        port = free_port()
        self.witness_url = f"http://127.0.0.1:{port}"
        self.start(self.options.litewitness, "-listen", f"127.0.0.1:{port}", "-db", database, "-ssh-agent", agent,
                   "-name", "lite.example/witness", "-key", print_of)

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        until("litewitness listens", answers)

    def witnessed(self):
        now = json.loads(self.tocsin("ledger", "checkpoint", "-o", "json"))
        whole = json.loads(self.tocsin("ledger", "status", "-o", "json"))
        done = not now["missing"] and int(now["cosignatures"]) == 1 and now["size"] == whole["size"]
        return now if done else None

    def grow(self, records):
        path = os.path.join(self.work, "signals.ndjson")
        with open(path, "w") as file:
            for i in range(records):
                digest = hashlib.sha256(str(i).encode()).hexdigest()
                file.write(json.dumps({"type": "sha256", "value": digest, "labels": ["tvec:propaganda"],
                                       "category": "tvec"}) + "\n")
        self.tocsin("signal", "import", path)

    def read_all(self):
        reader = os.path.join(self.options.cache, "bin", "tile-reader")
        return run(reader, self.read_url, self.log_vkey, self.witness_vkey).strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--litewitness")
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tocsin-interop"))
    options = parser.parse_args()
    for program in ("go", "ssh-agent", "ssh-add", "ssh-keygen"):
        if not shutil.which(program):
            skip(f"{program} is not installed")
    go_build(options.cache, {**os.environ, "GOBIN": os.path.join(options.cache, "bin")})
    options.litewitness = options.litewitness or os.path.join(options.cache, "bin", "litewitness")
    with tempfile.TemporaryDirectory() as work:
        outsiders = Outsiders(options, work)
        try:
            outsiders.start_node()
            outsiders.start_witness()
            outsiders.tocsin("ledger", "witness", "add", "lite", "--vkey", outsiders.witness_vkey, "--url",
                             outsiders.witness_url)
            first = until("litewitness cosigns the ledger", outsiders.witnessed)
            print(f"interop: litewitness cosigned {first['size']} records")
            print("interop: " + outsiders.read_all())
            outsiders.grow(options.records)
            grown = until("litewitness cosigns what the ledger has grown to", outsiders.witnessed)
            if int(grown["size"]) < int(first["size"]) + options.records:
                sys.exit(f"interop: the ledger did not grow: {grown['size']}")
            print(f"interop: litewitness cosigned {grown['size']} records, with a proof from {first['size']}")
            print("interop: " + outsiders.read_all())
        finally:
            outsiders.stop()
    print("interop: passed")


if __name__ == "__main__":
    main()
