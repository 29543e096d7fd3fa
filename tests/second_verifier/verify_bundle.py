#!/usr/bin/env -S python3 -B
"""A second verifier of Tocsin bundles, written from protocol/SPEC.md alone; it shares no code with tocsin-verify.

    verify_bundle.py BUNDLE... (--vkey KEY | --policy FILE) [--trusted-checkpoint FILE] [--now SECONDS] [--leaves-only]

A JSON line a finding and one a bundle. Exit: 0 clean, 8 tampering, 7 missing evidence, 10 breach, 2 usage.
The slots of each event are read out of SPEC.md's own table, which therefore has to be exact."""
import argparse
import json
import re
import sys
from types import SimpleNamespace

import formats
from formats import attempt, need, open_record, opening, parse_checkpoint, parse_leaf, parse_note, parse_policy, quorum_met, signers, u64
from primitives import H, consistent, included, tree
from rules import Ledger

MISSING = {"V1.absent", "V2.absent", "V3.quorum", "V5.missing", "V7.cut", "V7.unproved", "V8.withheld"}
BREACH = {"V6.time": "R17", "V6.witness-time": "R17", "V8.schema": "", "V9.key": "", "V10.rule": "", "V10.disclosure": "R18",
          "V11.due": "R20", "V11.unanswered": "R13", "V11.late": "R13"}
FILES = {"manifest", "manifest.sig", "policy", "checkpoint", "checkpoint.old", "consistency", "scope", "openings", "verify.html"}
HEX, NUMBER = "[0-9a-f]{64}", "[0-9]{20}"


class Audit:
    def __init__(self, archive, policy, trusted, now, leaves_only):
        self.findings, self.policy, self.now, self.ledger, self.bounds = [], policy, now, Ledger(), []
        self.head = self.origin = self.signed = None
        self.records, self.roots, self.received, self.seen = {}, {}, [], []
        self.files = attempt(formats.read_tar, archive)
        if self.files is None:
            return self.report("V1.tar")
        for name in {"manifest", "manifest.sig", "policy", "checkpoint"} - set(self.files):
            self.report("V1.absent")
        if "policy" in self.files and not attempt(lambda: parse_policy(self.files["policy"].decode())):
            self.report("V1.policy")
        if "manifest" in self.files:
            self.manifest()
        self.head = self.checkpoint("checkpoint", "V3.checkpoint", "V3.signature") if "checkpoint" in self.files else None
        if not self.head:
            return
        if self.origin is not None and self.head.origin != self.origin:
            self.report("V3.origin")
        self.scope = attempt(formats.parse_scope, self.files["scope"], self.head.size) if "scope" in self.files else formats.WHOLE
        if not self.scope:
            return self.report("V1.scope")
        self.bounds += [(self.head.size, now)] if now is not None else []
        self.tree()
        self.older(trusted)
        self.chains()
        if not leaves_only:
            self.openings()

    def report(self, code, rule="", index=None, severity=None):
        severity = severity or (7 if code in MISSING else 10 if code in BREACH else 8)
        self.findings.append((severity, code, index, rule or BREACH.get(code, "")))

    def stopped(self, *steps):  # by a finding of one of these steps
        return any(code.split(".")[0] in steps and code not in ("V6.time", "V6.witness-time") for _, code, _, _ in self.findings)

    # V2
    def manifest(self):
        found = attempt(formats.parse_manifest, self.files["manifest"])
        if not found:
            return self.report("V2.manifest")
        note, self.origin, listed = found
        if len(note[1]) != 1:
            self.report("V2.manifest")
        keys = [key for key in self.policy.logs if key.name == self.origin]
        by = attempt(signers, *note, keys)
        if not by:
            self.report("V2.signature")
        signer = attempt(formats.sshsig, self.files.get("manifest.sig", b""), self.files["manifest"])
        if by and "manifest.sig" in self.files and signer not in [key.key for key in by]:
            self.report("V2.sshsig")
        for name, digest in listed.items():
            if name not in self.files:
                self.report("V2.absent")
            elif H(self.files[name]).hex() != digest:
                self.report("V2.file")
        if set(self.files) - set(listed) - {"manifest", "manifest.sig"}:
            self.report("V2.unlisted")

    # V3, V4
    def checkpoint(self, name, malformed, unsigned):
        note = attempt(parse_note, self.files[name])
        head = note and attempt(parse_checkpoint, note[0])
        if not head:
            return self.report(malformed)
        found = attempt(signers, *note, self.policy.keys)
        if found is None or not any(key.kind == 1 and key.name == head.origin for key in found):
            self.report(unsigned)
        elif name == "checkpoint" and self.policy.quorum != "none" and not quorum_met(self.policy, self.policy.quorum, found):
            self.report("V3.quorum")
        self.bounds += [(head.size, 1000 * when) for key, when in (found or {}).items() if key.kind == 4]
        return head

    def elsewhere(self):  # checkpoints of peers/ and gossip/ that a log of the policy signed
        for name in self.files:
            if re.fullmatch(f"peers/{HEX}|gossip/{NUMBER}", name):
                note = attempt(parse_note, self.files[name])
                head = note and attempt(parse_checkpoint, note[0])
                found = head and attempt(signers, *note, self.policy.logs)
                if found and any(key.name == head.origin for key in found):
                    yield head

    def older(self, trusted):
        if ("checkpoint.old" in self.files) != ("consistency" in self.files):
            self.report("V4.proof", severity=7)
        self.seen = list(self.elsewhere())
        for head in [head for head in [*trusted, *self.seen] if head.origin == self.head.origin]:
            self.goes_on(head)
        old = self.checkpoint("checkpoint.old", "V4.old", "V4.old") if "checkpoint.old" in self.files else None
        if old and old.origin != self.head.origin:
            return self.report("V3.origin")
        if old and old.size > self.head.size:
            return self.report("V4.old")
        if old:
            self.goes_on(old)
        if old and "consistency" in self.files:
            proof = attempt(formats.base64_lines, self.files["consistency"])
            empty = old.size == 0 and not proof
            if proof is None or not empty and consistent(old.size, self.head.size, old.root, proof) != self.head.root:
                self.report("V4.proof")

    def goes_on(self, old):
        if old.size > self.head.size:
            self.report("V4.rollback")
        elif old.size == self.head.size:
            self.report("V4.equivocation") if old.root != self.head.root else None
        elif old.root != self.root(old.size) and self.root(old.size) is not None:
            self.report("V4.inconsistent")

    def root(self, size):  # of the first leaves, where the bundle has them all
        if size not in self.roots:
            row = [self.hashes.get(i) for i in range(size)] if size <= len(self.hashes) else [None]
            self.roots[size] = tree(row) if None not in row else None
        return self.roots[size]

    # V5
    def tree(self):
        self.leaves, size, allowed, scope = {}, self.head.size, set(FILES), self.scope
        begin, end = (scope.start // 256 * 256, min(size, -(-scope.end // 256) * 256)) if scope.evidence == "range" else (0, size)
        self.span, self.complete, complete = (begin, end), True, True
        names = formats.tile_names(size) if scope.evidence != "proofs" else ()
        for level, first, width, name in names:
            if scope.evidence == "range" and (level or first < begin or first >= end):
                continue
            allowed |= {f"tile/{level}/{name}"} | ({"tile/entries/" + name} if level == 0 else set())
            if level or len(allowed) > 3 * len(self.files) + 16:
                if not complete:
                    break
                continue
            entries = self.files.get("tile/entries/" + name)
            if entries is None:
                complete = False
                self.report("V5.missing")
            elif len(entries) != 130 * width or any(entries[130 * i:130 * i + 2] != b"\0\x80" for i in range(width)):
                complete = False
                self.report("V5.entries")
            elif complete:
                self.leaves.update({first + i: entries[130 * i + 2:130 * i + 130] for i in range(width)})
        self.hashes, self.complete = {i: H(b"\0", leaf) for i, leaf in self.leaves.items()}, complete
        if complete and scope.evidence != "proofs":
            self.tiles(size, begin, end)
        if scope.evidence != "tiles":
            self.single(allowed)
        self.unexpected(allowed)

    def tiles(self, size, begin, end):
        row = [self.hashes[i] for i in range(begin, end)]
        for level, first, width, name in formats.tile_names(size):
            if self.scope.evidence == "range" and (level or first < begin or first >= end):
                continue
            row = row if level == 0 or first else [tree(row[i:i + 256]) for i in range(0, len(row) - 255, 256)]
            tile = self.files.get(f"tile/{level}/{name}")
            if tile is None:
                self.report("V5.missing")
            elif tile != b"".join(row[first - begin * (level == 0):][:width]):
                self.report("V5.tile")
        if self.scope.evidence == "tiles" and self.root(size) != self.head.root:
            self.report("V5.root")
        if self.scope.evidence == "range":
            self.range(begin, end)

    def range(self, begin, end):
        if "range" not in self.files:
            return self.report("V5.missing")
        halves = self.files["range"].split(b"\n\n") if b"\n\n" in self.files["range"] else self.files["range"].split(b"\n", 1)[::-1]
        edge, proof = (attempt(formats.base64_lines, half + b"\n" if half and half[-1:] != b"\n" else half) for half in halves[:2])
        sizes = [1 << bit for bit in range(begin.bit_length() - 1, -1, -1) if begin >> bit & 1]
        if edge is None or proof is None or len(edge) != len(sizes):
            return self.report("V5.range")
        row = list(zip(sizes, edge)) + [(1, self.hashes[i]) for i in range(begin, end)]
        stack = []  # complete subtrees, largest first
        for node in row:
            stack.append(node)
            while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
                (size, right), (_, left) = stack.pop(), stack.pop()
                stack.append((2 * size, H(b"\1", left, right)))
        while len(stack) > 1:
            (a, right), (b, left) = stack.pop(), stack.pop()
            stack.append((a + b, H(b"\1", left, right)))
        root = stack[0][1] if stack else H()
        if (root if end == self.head.size and not proof else consistent(end, self.head.size, root, proof)) != self.head.root:
            self.report("V5.range")

    def single(self, allowed):  # proofs/
        for name, data in self.files.items():
            found = re.fullmatch(f"proofs/({NUMBER})[.]tlog-proof", name)
            if not found:
                continue
            allowed.add(name)
            index, leaf, proof, note = attempt(formats.tlog_proof, data) or (None,) * 4
            if index != int(found[1]) or note != self.files["checkpoint"] or included(H(b"\0", leaf), index, self.head.size, proof) != self.head.root:
                self.report("V5.proof")
            elif index not in self.leaves:
                self.leaves[index], self.hashes[index] = leaf, H(b"\0", leaf)

    def unexpected(self, allowed):
        pairs = {name for name in self.files if re.fullmatch(f"receipts/{HEX}/{NUMBER}[.](prf|opn)", name)}
        allowed |= {name for name in pairs if {name.rsplit(".", 1)[0] + end for end in (".prf", ".opn")} <= pairs}
        allowed |= {name for name in self.files if re.fullmatch(f"peers/{HEX}|gossip/{NUMBER}|index/{NUMBER}/{HEX}", name)}
        allowed |= {"range"} if self.scope.evidence == "range" else set()
        if set(self.files) - allowed:
            self.report("V1.unexpected")

    # V6, V7
    def chains(self):
        heads, last, begin, end = {}, 0, *self.span
        whole = self.scope.evidence == "tiles"
        for index in sorted(self.leaves):
            r = attempt(parse_leaf, index, self.leaves[index])
            if not r or r.event not in formats.EVENTS:
                self.report("V6.event" if r else "V6.leaf", index=index)
                continue
            self.records[index] = r
            if r.time < last:
                self.report("V6.time", index=index)
            if any(index < size and r.time > when + 300000 for size, when in self.bounds):
                self.report("V6.witness-time", index=index)
            head, last = heads.get(r.chain), max(last, r.time)
            heads[r.chain] = r
            seen = head.sequence if head else -1
            near = whole or self.scope.evidence == "range" and begin <= r.before < index  # the record before must be here
            if head and r.sequence <= seen:
                self.report("V7.fork", index=index)
            elif r.sequence != seen + 1:
                if near:
                    self.report("V7.gap" if head else "V7.head-cut", index=index)
                elif r.chain in self.scope.chains and self.scope.evidence == "proofs":
                    self.report("V7.cut", index=index)
            elif head and r.previous != head.hash:
                self.report("V7.previous", index=index)
            elif head and r.before != head.index:
                self.report("V7.index", index=index)

    def index_root(self, r):
        last = {}
        for i in range(min(r.n(2), r.index)):
            if i in self.records:
                last[self.records[i].chain] = self.records[i]
        rows = [H(b"\0", chain + x.sequence.to_bytes(8, "big") + x.index.to_bytes(8, "big") + x.hash) for chain, x in sorted(last.items())]
        if r.n(2) > r.index or (tree(rows), len(rows)) != (r.v(0), r.n(1)):
            self.report("V7.index-root", index=r.index)

    def index_proofs(self):
        epochs = [r for r in self.records.values() if r.event == 0x050C and r.values]
        newest, heads = max(epochs, key=lambda r: r.index, default=None), {}
        for name in self.files:
            found = re.fullmatch(f"index/({NUMBER})/({HEX})", name)
            epoch = found and next((r for r in epochs if r.index == int(found[1])), None)
            if found and not epoch:
                self.report("V7.index-proof")
            elif found:
                chain = bytes.fromhex(found[2])
                head = attempt(lambda: (formats.index_proof(self.files[name], chain, epoch.v(0), epoch.n(1)),))
                if not head:
                    self.report("V7.index-proof")
                elif epoch is newest:
                    heads[chain] = head[0]
        if self.scope.evidence == "proofs":
            for chain in self.scope.chains:
                self.follow(chain, heads, newest)

    def follow(self, chain, heads, newest):
        if chain not in heads:
            return self.report("V7.unproved")
        mine = [r for r in self.records.values() if r.chain == chain and r.index < newest.n(2)]
        last = max(mine, key=lambda r: r.index, default=None)
        if heads[chain] is None:
            return self.report("V7.cut", severity=8) if mine else None
        if not last or last.index < heads[chain][1]:
            self.report("V7.cut")
        elif (last.sequence, last.index, last.hash) != heads[chain]:
            self.report("V7.cut", severity=8)

    # V8 to V11
    def in_scope(self, r):
        s = self.scope
        if s.evidence == "range":
            return s.start <= r.index < s.end
        if not s.chains and not s.events:
            return True
        timed = any(event == r.event and start <= r.time < end for event, start, end in s.events)
        return r.chain in s.chains or s.evidence == "tiles" and (timed or r.event >> 8 == 5)

    def openings(self):
        data, last, self.opened = self.files.get("openings", b""), -1, {}
        while data:
            size = u64(data[:4])
            one = attempt(opening, data[4:4 + size]) if 4 + size <= len(data) else None
            if one is None:
                self.report("V8.syntax")
                break
            (index, a, p), data = one, data[4 + size:]
            code = "V8.order" if index <= last else "V8.index" if index not in self.leaves and self.complete else None
            if not code and index in self.records:
                code, self.opened[index] = open_record(self.records[index], a, p), 1 + bool(p[0])
                self.records[index].failed = code is not None
            self.report(code, index=index) if code else None
            last = max(last, index)
        wanted = [r for r in self.records.values() if self.in_scope(r) and r.values is None and not r.failed]
        if wanted and not any(code == "V8.syntax" for _, code, _, _ in self.findings):
            self.report("V8.withheld")
        shown = [self.records[i] for i in sorted(self.records) if self.records[i].values is not None]
        for r in shown if self.scope.evidence == "tiles" and len(self.leaves) == self.head.size else ():
            self.index_root(r) if r.event == 0x050C else None
        self.index_proofs()
        if not self.stopped("V5", "V6", "V7", "V8"):
            self.disclosed(shown)
            genesis = next((r.chain for r in shown if r.event == 0x0501), None)
            if self.scope.evidence == "tiles" or self.scope.evidence == "proofs" and genesis in self.scope.chains:
                self.process(shown)
        self.receipts()

    def disclosed(self, shown):
        both = max((how for i, how in self.opened.items() if self.records[i].values is not None), default=0)
        digest = H(b"tocsin1/scope\0", self.files.get("scope", b""))
        for r in shown:
            count = sum(x.index <= r.index for x in shown)
            if r.event == 0x050D and r.v(3) == digest and r.n(1) >= both and r.n(2) >= count and shown[-1].index <= r.index + 4096:
                return
        if shown:
            self.report("V10.disclosure")

    def process(self, shown):
        chains = set(self.scope.chains)
        for r in shown:
            self.ledger.take(r, self.report, chains)
        me, keys = self.ledger.me, {key.key for key in self.ledger.keys.values() if key.role == 1}
        if not me or me.origin != self.head.origin or not any(k.name == me.origin and k.key in keys for k in self.policy.logs):
            self.report("V10.identity")

    # V12
    def receipts(self):
        for name in [name for name in self.files if re.fullmatch(f"receipts/{HEX}/{NUMBER}[.]prf", name)]:
            peer, place = bytes.fromhex(name[9:73]), int(name[74:94])
            found = attempt(self.receipt, self.files[name], self.files.get(name[:94] + ".opn", b""), place)
            if not found or found.v(14) != (self.ledger.me and self.ledger.me.root):
                self.report("V12.proof")
            else:
                self.received.append((peer, found))

    def receipt(self, data, opened, place):
        index, leaf, proof, note = formats.tlog_proof(data)
        text, signatures = parse_note(note)
        head = parse_checkpoint(text)
        need(any(key.name == head.origin for key in signers(text, signatures, self.policy.logs)))
        r, (which, a, p) = parse_leaf(index, leaf), opening(opened)
        need(place == index == which and included(r.hash, index, head.size, proof) == head.root and not open_record(r, a, p))
        need(r.values is not None and r.event in (0x0202, 0x0404))
        return r


def compare(audits, now):  # what one ledger says of another's
    by_root = {audit.ledger.me.root: audit for audit in audits if audit.ledger.me}
    by_origin = {audit.head.origin: audit for audit in audits if audit.head}
    for audit in audits:
        for head in audit.seen:
            other = by_origin.get(head.origin)
            if other and other is not audit and other.root(head.size) not in (None, head.root):
                audit.report("V12.peer")
        claims = [(audit, r) for r in audit.ledger.claims] + [(audit, r) for _, r in audit.received]
        for holder, r in claims:
            other = by_root.get(r.v(14))
            if other and r.event == 0x0202 and other.root(r.n(3)) not in (None, r.v(2)):
                holder.report("V12.receipt", index=r.index)
            place = other and other.records.get(r.n(5)) if r.event == 0x0404 else None
            if other and r.event == 0x0404 and r.n(5) < other.head.size and (not place or place.event != 0x0401 or place.hash != r.v(6)):
                holder.report("V12.retraction", index=r.index)
        for case in audit.ledger.cases.values():
            answer(audit, case, by_root, now) if case.retraction else None


def answer(audit, case, by_root, now):
    retraction, recipients = case.retraction
    received = [(peer, r) for peer, r in audit.received]
    for node in recipients:
        at_hand = by_root.get(node)
        mine = [r for r in at_hand.ledger.claims] if at_hand else [r for peer, r in received if peer == node]
        times = [r.time for r in mine if r.event == 0x0404 and r.v(6) == retraction.hash]
        if times and min(times) > retraction.n(3):
            audit.report("V11.late", index=retraction.index)
        elif not times and at_hand and (now if now is not None else at_hand.ledger.last) > retraction.n(3):
            audit.report("V11.unanswered", index=retraction.index)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundles", nargs="+")
    for name in ("vkey", "policy", "trusted-checkpoint", "now"):
        parser.add_argument("--" + name, action="append" if name in ("vkey", "trusted-checkpoint") else "store")
    parser.add_argument("--leaves-only", action="store_true")
    a = parser.parse_args()

    def read(name):
        with open(name, "rb") as file:
            return file.read()
    try:
        text = read(a.policy).decode() if a.policy else "".join(f"log {key}\n" for key in a.vkey or ()) + "quorum none\n"
        policy = parse_policy(text)
        need(policy.logs)
        notes = [parse_note(read(name)) for name in a.trusted_checkpoint or ()]
        need(all(signers(*note, policy.logs) for note in notes))
        trusted, now = [parse_checkpoint(note[0]) for note in notes], int(a.now) * 1000 if a.now else None
        audits = [Audit(read(name), policy, trusted, now, a.leaves_only) for name in a.bundles]
    except (OSError, ValueError, IndexError) as error:
        print(f"verify_bundle.py: {error}", file=sys.stderr)
        return 2
    compare(audits, now)
    exits = {0}
    for name, audit in zip(a.bundles, audits):
        for severity, code, index, rule in audit.findings:
            print(json.dumps({"code": code, "severity": {7: "missing", 8: "tampering", 10: "breach"}[severity], "index": index, "rule": rule}))
        here = {finding[0] for finding in audit.findings} | {0}
        print(json.dumps({"bundle": name, "exit": next(code for code in (8, 7, 10, 0) if code in here), "records": len(audit.records)}))
        exits |= here
    return next(code for code in (8, 7, 10, 0) if code in exits)


if __name__ == "__main__":
    sys.exit(main())
