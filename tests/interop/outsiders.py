#!/usr/bin/env python3
"""Our node and its bundles before programs that nobody here wrote. Each part is also shown something bad, and must refuse it.

    tests/interop/outsiders.py --bin BUILD/bin [--install] [--only PART]... [--records N]

  ssh          `ssh-keygen -Y verify` takes the manifest of a bundle, and no other
  litewitness  the witness `litewitness` cosigns the growing ledger; a Go client of C2SP tlog-tiles reads and proves every record
  checker      Tessera's fsck goes over the read plane and over a bundle; x/mod's note and tlog and transparency-dev/merkle check a
               tlog-proof and a consistency proof
  sigsum       Debian's `sigsum-witness` cosigns a ledger whose origin is the one that sigsum asks for
  sigstore     the checkpoint and inclusion checks of @sigstore/verify (see tlog_entry.js for what that covers) take a tlog-proof

Without --install, only what is already in the cache is driven. A part whose program cannot be had is skipped with a line that says
why; the exit code is 77 when every part was skipped.
"""
import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request

from tools import Missing, Tools

SKIPPED, PATIENCE_S = 77, 60


def say(line):
    print("interop: " + line, flush=True)


def fail(line):
    sys.exit("interop: " + line)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode != 0:
        fail(f"{' '.join(map(str, words))} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def refuses(what, *words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    if done.returncode == 0:
        fail(f"{words[0]} accepted {what}:\n{done.stdout}")
    say(f"  refused, as it must: {what}")


def until(what, check):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.1)
    return fail(f"not within {PATIENCE_S} s: {what}")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answer(url, body=None):
    """The status and the text that a server gives."""
    try:
        with urllib.request.urlopen(url, data=body, timeout=PATIENCE_S) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def vkey(name, kind, public):
    material = bytes([kind]) + public
    id_ = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    return f"{name}+{id_.hex()}+{base64.b64encode(material).decode()}"


def flipped(path, at):
    """A copy of a file beside it, with one byte changed."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data[at] ^= 1
    with open(path + ".flipped", "wb") as file:
        file.write(data)
    return path + ".flipped"


class Processes:
    def __init__(self, work):
        self.work, self.all = work, []

    def start(self, *words, **more):
        with open(os.path.join(self.work, f"{os.path.basename(words[0])}{len(self.all)}.log"), "w", encoding="utf-8") as log:
            self.all.append(subprocess.Popen(words, stdout=log, stderr=log, **more))

    def tell(self):
        """The last that each of them wrote."""
        for name in sorted(name for name in os.listdir(self.work) if name.endswith(".log")):
            with open(os.path.join(self.work, name), encoding="utf-8", errors="replace") as log:
                print(f"--- {name}\n" + "".join(log.readlines()[-12:]), file=sys.stderr)

    def stop(self):
        for process in reversed(self.all):
            process.send_signal(signal.SIGTERM)
            process.wait()


class Node:
    def __init__(self, options, processes, work, origin, settings=""):
        self.bin, self.data, self.work = options.bin, os.path.join(work, "node"), work
        self.seeds = 0
        passphrase = os.path.join(work, "passphrase")
        if not os.path.exists(passphrase):
            with open(os.open(passphrase, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write("an interoperation test\n")
        self.read_url = f"http://127.0.0.1:{free_port()}"
        self.tocsin("init", "--name", "log.example", "--passphrase-file", passphrase, "--listen", "127.0.0.1:0", "--advertise",
                    "127.0.0.1:1", "--read-listen", self.read_url[7:], *(["--log-origin", origin] if origin else []))
        with open(self.data + "/tocsin.toml", "a", encoding="utf-8") as file:
            file.write(settings)
        processes.start(os.path.join(self.bin, "tocsind"), "serve", "--config", self.data + "/tocsin.toml")
        until("the node serves", lambda: os.path.exists(self.data + "/admin.sock"))
        self.log_vkey = self.asked("ledger", "witness", "list")["log_vkey"]
        self.origin = self.log_vkey.split("+")[0]

    def tocsin(self, *words):
        return run(os.path.join(self.bin, "tocsin"), *words, "--data-dir", self.data)

    def asked(self, *words):
        return json.loads(self.tocsin(*words, "-o", "json"))

    def grow(self, records):
        path = os.path.join(self.work, "signals.ndjson")
        with open(path, "w", encoding="utf-8") as file:
            for i in range(self.seeds, self.seeds + records):
                digest = hashlib.sha256(str(i).encode()).hexdigest()
                file.write(json.dumps({"type": "sha256", "value": digest, "labels": ["tvec:propaganda"], "category": "tvec"}) + "\n")
        self.seeds += records
        self.tocsin("signal", "import", path)

    def size(self):
        return int(self.asked("ledger", "status")["size"])

    def published(self):
        """Until the read plane shows the whole ledger: the checkpoint."""
        size = self.size()
        return until("the read plane shows the ledger", lambda: (
            lambda note: note if int(note.split(b"\n")[1]) >= size else None)(answer(self.read_url + "/checkpoint")[1]))

    def bundle(self, name, *words):
        """A bundle, unpacked into a folder."""
        folder = os.path.join(self.work, name)
        self.tocsin("ledger", *words[:1], folder + ".tar", *words[1:])
        with tarfile.open(folder + ".tar") as archive:
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return folder

    def witnessed(self):
        now = self.asked("ledger", "checkpoint")
        done = not now["missing"] and int(now["cosignatures"]) == 1 and int(now["size"]) == self.size()
        return now if done else None

    def witness(self, what, url, key, records):
        """A witness of the ledger, from its first checkpoint on; what it must not sign it does not."""
        self.tocsin("ledger", "witness", "add", "outsider", "--vkey", key, "--url", url)
        first = until(f"{what} cosigns the ledger", self.witnessed)
        say(f"{what} cosigned {first['size']} records")
        self.grow(records)
        grown = until(f"{what} cosigns what the ledger has grown to", self.witnessed)
        if int(grown["size"]) < int(first["size"]) + records:
            fail(f"the ledger did not grow: {grown['size']}")
        say(f"{what} cosigned {grown['size']} records, with a proof from {first['size']}")
        note = self.published()
        text = note[:note.index(b"\n\n") + 1].split(b"\n")
        other = note.replace(text[2], base64.b64encode(hashlib.sha256(note).digest()))
        for bad, body, wanted in (
                ("a checkpoint with another root under the old signature", b"old %s\n\n%s" % (text[1], other), (403,)),
                ("a checkpoint from a size that it does not hold", b"old 0\n\n" + note, (409,)),
                ("a checkpoint of a ledger it does not know", b"old 0\n\n" + note.replace(text[0], b"other.example/log"), (403, 404))):
            status, _ = answer(url + "/add-checkpoint", body)
            if status not in wanted:
                fail(f"{what} answered {status} to {bad}")
            say(f"  refused with {status}, as it must: {bad}")


def ssh(options, tools, processes, work):
    tools.program("ssh-keygen")
    node = Node(options, processes, work, "ssh.example/log")
    folder = node.bundle("ssh-bundle", "export")
    public = base64.b64decode(node.log_vkey.split("+", 2)[2])[1:]
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", public))
    allowed = os.path.join(work, "allowed")
    with open(allowed, "w", encoding="utf-8") as file:
        file.write(f'{node.origin} namespaces="tocsin-bundle" ssh-ed25519 {base64.b64encode(blob).decode()}\n')

    def words(space):
        return ("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", node.origin, "-n", space, "-s", folder + "/manifest.sig")
    with open(folder + "/manifest", encoding="utf-8") as manifest:
        say("ssh-keygen: " + run(*words("tocsin-bundle"), stdin=manifest))
    with open(flipped(folder + "/manifest", -200), encoding="utf-8", errors="replace") as manifest:
        refuses("a manifest with one byte changed", *words("tocsin-bundle"), stdin=manifest)
    with open(folder + "/manifest", encoding="utf-8") as manifest:
        refuses("the signature for another purpose", *words("file"), stdin=manifest)


def litewitness(options, tools, processes, work):
    for program in ("ssh-agent", "ssh-add", "ssh-keygen"):
        tools.program(program)
    reader, program = tools.reader(), tools.litewitness()
    node = Node(options, processes, work, "")
    key, agent, database = (os.path.join(work, name) for name in ("witness-key", "agent", "witness.db"))
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    with open(key + ".pub", encoding="utf-8") as file:
        witness = vkey("lite.example/witness", 4, base64.b64decode(file.read().split()[1])[-32:])
    processes.start("ssh-agent", "-D", "-a", agent)
    until("ssh-agent listens", lambda: os.path.exists(agent))
    run("ssh-add", "-q", key, env={**os.environ, "SSH_AUTH_SOCK": agent})
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
        db.execute("CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
        db.execute("INSERT INTO log VALUES (?, 0, ?)", (node.origin, base64.b64encode(hashlib.sha256(b"").digest()).decode()))
        db.execute("INSERT INTO key VALUES (?, ?)", (node.origin, node.log_vkey))
    port = free_port()
    processes.start(program, "-listen", f"127.0.0.1:{port}", "-db", database, "-ssh-agent", agent, "-name", "lite.example/witness",
                    "-key", run("ssh-keygen", "-l", "-f", key + ".pub").split()[1])
    until("litewitness listens", lambda: listens(port))
    node.witness("litewitness", f"http://127.0.0.1:{port}", witness, options.records)
    say(run(reader, node.read_url, node.log_vkey, witness))
    refuses("the same log under another witness's key", reader, node.read_url, node.log_vkey, vkey("lite.example/witness", 4, bytes(32)))


def checker(options, tools, processes, work):
    program = tools.checker()
    node = Node(options, processes, work, "tiles.example/log")
    older = os.path.join(work, "older-checkpoint")
    node.grow(300)
    with open(older, "wb") as file:
        file.write(node.published())
    node.grow(options.records)
    node.published()
    say("over HTTP: " + run(program, "log", node.read_url, node.log_vkey))
    folder = node.bundle("tiles-bundle", "export")
    say("in a bundle: " + run(program, "log", folder, node.log_vkey))
    say(run(program, "grown", older, folder, node.log_vkey))
    proof = first_proof(node)
    say(run(program, "proof", proof, node.log_vkey))
    stranger = vkey(node.origin, 1, bytes([0x58] + [0x66] * 31))
    refuses("a log under another key", program, "log", folder, stranger)
    refuses("an older checkpoint that was changed", program, "grown", flipped(older, 30), folder, node.log_vkey)
    refuses("a proof of another leaf", program, "proof", flipped(proof, 60), node.log_vkey)
    for name in ("tile/entries/000", "tile/0/001", "tile/1/000.p/" + os.listdir(folder + "/tile/1/000.p")[0]):
        path, kept = os.path.join(folder, name), os.path.join(work, "kept")
        os.replace(path, kept)
        with open(kept, "rb") as file:
            data = bytearray(file.read())
        data[40] ^= 1
        with open(path, "wb") as file:
            file.write(data)
        refuses(f"a changed byte in {name}", program, "log", folder, node.log_vkey)
        os.replace(kept, path)


def first_proof(node):
    """The tlog-proof of a signal's submission."""
    begun = node.asked("signal", "list", "--all")["items"][0]["case"]["origin"]
    folder = node.bundle("proof", "prove", "--chain", base64.b64decode(begun["chain"]).hex())
    return os.path.join(folder, "proofs", f"{int(begun['submitted_index']):020}.tlog-proof")


def sigsum(options, tools, processes, work):
    programs = tools.sigsum()
    node = Node(options, processes, work, "sigsum")
    public = base64.b64decode(node.log_vkey.split("+", 2)[2])[1:]
    if node.origin != "sigsum.org/v1/tree/" + hashlib.sha256(public).hexdigest():
        fail(f"not the origin that sigsum asks for: {node.origin}")
    key, log_key = os.path.join(work, "sigsum-key"), os.path.join(work, "log-key")
    tool = os.path.join(programs, "sigsum-key")
    run(tool, "generate", "-o", key)
    with open(log_key, "w", encoding="utf-8") as file:
        file.write(run(tool, "from-vkey", input=node.log_vkey + "\n") + "\n")
    port, state = free_port(), os.path.join(work, "sigsum-state")
    # Debian builds it such that Go's old request router is chosen, which does not know the "POST /path" it is given.
    processes.start(os.path.join(programs, "sigsum-witness"), "-k", key, "--log-key", log_key, "--state-file", state,
                    f"127.0.0.1:{port}", env={**os.environ, "GODEBUG": "httpmuxgo121=0"})
    until("sigsum-witness listens", lambda: listens(port))
    name = "sigsum.org/v1/witness/" + run(tool, "to-hash", "-k", key + ".pub")
    witness = run(tool, "to-vkey", "-k", key + ".pub", "-n", name, "-t", "cosignature/v1")
    node.witness("sigsum-witness", f"http://127.0.0.1:{port}", witness, options.records)


def sigstore(options, tools, processes, work):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tlog_entry.js")
    module = tools.sigstore()
    node = Node(options, processes, work, "entries.example/log")
    node.grow(300)
    proof = first_proof(node)
    say(run("node", script, module, proof, node.log_vkey))
    refuses("a proof of another leaf", "node", script, module, flipped(proof, 60), node.log_vkey)
    with open(proof, "rb") as file:
        root = file.read().rindex(b"\n\n") - 20  # the second blank line is the note's; the root stands in front of it
    refuses("a checkpoint that was changed", "node", script, module, flipped(proof, root), node.log_vkey)
    stranger = vkey(node.origin, 1, bytes([0x58] + [0x66] * 31))
    refuses("a checkpoint of another log", "node", script, module, proof, stranger)


PARTS = {part.__name__: part for part in (ssh, litewitness, checker, sigsum, sigstore)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--install", action="store_true", help="get what is missing from the registries of this machine")
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tocsin-interop"))
    options = parser.parse_args()
    tools, skipped = Tools(options.cache, options.install), 0
    chosen = [part for name, part in PARTS.items() if not options.only or name in options.only]
    for part in chosen:
        with tempfile.TemporaryDirectory() as work:
            processes = Processes(work)
            try:
                part(options, tools, processes, work)
                say(f"{part.__name__}: passed")
            except Missing as why:
                skipped += 1
                say(f"{part.__name__}: skipped: {why}")
            except SystemExit:
                processes.tell()
                raise
            finally:
                processes.stop()
    say(f"{len(chosen) - skipped} passed, 0 failed, {skipped} skipped")
    return SKIPPED if skipped == len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
