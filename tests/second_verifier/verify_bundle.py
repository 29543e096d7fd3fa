#!/usr/bin/env -S python3 -B
"""A second verifier of Tocsin bundles, written from protocol/SPEC.md alone; it shares no code with tocsin-verify.

    verify_bundle.py BUNDLE... --policy FILE [--trusted-checkpoint FILE]... [--now SECONDS]

A JSON line a finding and one a bundle. Exit: 0 clean, 8 tampering, 7 missing evidence, 10 breach, 2 usage.
Slots, rules, findings and text forms are read out of SPEC.md itself, which therefore has to be exact."""
import argparse
import json
import pathlib
import re
import sys

import formats
from formats import attempt, form, need, opening, parse_leaf, parse_policy, signed, tile_path, u64
from primitives import H, consistent, included, tree
from process import Ledger, Names, broken
from spec import FINDINGS, NAMES

class Audit:
    def __init__(self, archive, policy, trusted, now):
        self.findings, self.policy, self.ledger, self.head = [], policy, Ledger(), None
        self.leaves, self.hashes, self.records, self.roots, self.received, self.seen = {}, {}, {}, {}, {}, []
        self.files = attempt(formats.read_tar, archive)
        if self.files is None: return self.report("V1.tar")
        own = self.files.get("policy", b"") and attempt(lambda: parse_policy(self.files["policy"].decode()))
        self.ask("archive", files=self.files.keys(), policy=own)
        origin = self.manifest() if "manifest" in self.files else None
        if "checkpoint" in self.files: self.checkpoint(origin, trusted, now)

    def report(self, code, rule="", index=None, exit_=None):
        self.findings.append((exit_ or FINDINGS[code][0], code, index, rule or FINDINGS[code][1]))
    def ask(self, step, r=None, most=None, **names):  # whether all holds that SPEC's table asks at this step
        found = broken(step, r.event if r else "", Names(names))[:most]
        for code, rule in found: self.report(code, rule, r and r.index)
        return not found
    def unless(self, holds, code, **more): return holds or self.report(code, **more)

    # V2, V3, V4
    def manifest(self):
        found = attempt(formats.parse_manifest, self.files["manifest"])
        if not found: return self.report("V2.manifest")
        note, origin, listed = found
        by = attempt(formats.signers, *note, [key for key in self.policy.logs if key.name == origin])
        self.ask("manifest", signatures=len(note[1]), by=[key.key for key in by or ()], files=self.files.keys(), listed=listed.keys(),
                 ssh=attempt(formats.sshsig, self.files.get("manifest.sig", b""), self.files["manifest"]),
                 others=self.files.keys() - {"manifest", "manifest.sig"},
                 same=all(H(self.files.get(name, b"")).hex() == listed[name] for name in listed.keys() & self.files.keys()))
        return origin

    def checkpoint(self, origin, trusted, now):
        self.head, by, log = signed(self.files["checkpoint"], self.policy.keys)
        if not self.head: return self.report("V3.checkpoint")
        self.ask("checkpoint", log=log, head=self.head, origin=origin or 0,
                 quorum=log and formats.quorum_met(self.policy, self.policy.quorum, by))
        scope, size = self.files.get("scope"), self.head.size
        self.scope = formats.WHOLE if scope is None else attempt(formats.parse_scope, scope, size)
        if not self.scope: return self.report("V1.scope")
        self.listed = None if scope is None else self.scope.chains
        self.bounds = self.times(self.files["checkpoint"], size) + ([(size, now)] if now is not None else [])
        self.tree()
        self.older(trusted)
        self.chains()
        self.openings()
        self.receipts()

    def times(self, note, size):  # when its witnesses cosigned
        by = attempt(formats.signers, *formats.parse_note(note), self.policy.keys) or {}
        return [(size, 1000 * when) for key, when in by.items() if key.kind == 4]

    def older(self, trusted):
        notes = [signed(data, self.policy.logs) for name, data in self.files.items() if re.match("peers/|gossip/", name)]
        self.seen = [head for head, _, log in notes if log]
        others, size = [head for head in trusted + self.seen if head.origin == self.head.origin], self.head.size
        old, proof = self.files.get("checkpoint.old"), self.files.get("consistency")
        head, _, log = signed(old, self.policy.logs) if old else (None, None, False)
        if (old is None) != (proof is None): self.report("V4.proof", exit_=7)
        elif old is not None and self.unless(log, "V4.old"):
            others.append(head)
            self.bounds += self.times(old, head.size)
            proof = attempt(formats.base64_lines, proof)
            both = attempt(consistent, head.size, size, head.root, proof) if head.size else proof == [] and (head.root, self.head.root)
            self.unless(head.size > size or both == (head.root, self.head.root), "V4.proof")
        for one in others: self.ask("older", most=1, old=one, head=self.head, root=self.root(one.size) or 0)

    def root(self, size):  # of the first leaves, where the bundle has them all
        if size not in self.roots:
            row = [self.hashes.get(i) for i in range(size)] if size <= len(self.hashes) else [None]
            self.roots[size] = tree(row) if None not in row else None
        return self.roots[size]

    # V5
    def tree(self):
        size, s, self.complete = self.head.size, self.scope, True
        self.span = {"tiles": (0, size), "proofs": (0, 0), "range": (s.start & -256, min(size, s.end + 255 & -256))}[s.evidence]
        begin, end = self.span
        for i in range(begin // 256, -(-end // 256)):
            entries, width = self.files.get(tile_path("entries", i, size)), min(256, size - 256 * i)
            self.complete = entries and len(entries) == 130 * width and {entries[at:at + 2] for at in range(0, 130 * width, 130)} == {b"\0\x80"}
            if not self.unless(self.complete, "V5.missing" if entries is None else "V5.entries"): break
            self.leaves.update({256 * i + n: entries[130 * n + 2:130 * n + 130] for n in range(width)})
        self.hashes = {i: H(b"\0", leaf) for i, leaf in self.leaves.items()}
        row, level = list(self.hashes.values()), 0
        while row and (level == 0 or s.evidence == "tiles"):
            for at in range(0, len(row), 256):
                tile = self.files.get(tile_path(level, (at + (0 if level else begin)) // 256, size))
                if self.complete or len(row) - at >= 256:
                    self.unless(tile == b"".join(row[at:at + 256]), "V5.missing" if tile is None else "V5.tile")
            row, level = [tree(row[at:at + 256]) for at in range(0, len(row) - 255, 256)], level + 1
        if s.evidence == "range" and self.unless("range" in self.files, "V5.missing"):
            self.unless(not self.complete or attempt(self.joins, begin, end), "V5.range")
        self.unless(s.evidence != "tiles" or not self.complete or self.root(size) == self.head.root, "V5.root")
        for name in self.files: self.unless(self.fits(name, begin, end, size), "V1.unexpected")

    def joins(self, begin, end):  # whether the range leads to the checkpoint
        edge, proof = map(formats.base64_lines, form("range", self.files["range"]))
        sizes = [1 << bit for bit in range(begin.bit_length() - 1, -1, -1) if begin >> bit & 1]
        need(len(edge) == len(sizes))
        stack = []  # complete subtrees, largest first
        for node in [*zip(sizes, edge), *((1, self.hashes[i]) for i in range(begin, end)), None]:
            while len(stack) > 1 and (node is None or stack[-1][0] == stack[-2][0]):
                (size, right), (more, left) = stack.pop(), stack.pop()
                stack.append((size + more, H(b"\1", left, right)))
            stack.append(node)
        root = stack[0][1] if end else H()
        return root == self.head.root and not proof if end == self.head.size else consistent(
            end, self.head.size, root, proof) == (root, self.head.root)

    def fits(self, name, begin, end, size):  # whether the bundle may have this file; and what it proves
        whole, tile = self.scope.evidence == "tiles", re.fullmatch("tile/(entries|[0-9]{1,2})/([0-9x/]+)([.]p/[0-9]+)?", name)
        if tile:
            i, level = int(re.sub("[x/]", "", tile[2])), tile[1] if tile[1] == "entries" else int(tile[1])
            return name == tile_path(level, i, size) and (whole or tile[1] in ("entries", "0") and begin <= 256 * i < end)
        if name[:7] == "proofs/" and re.fullmatch(NAMES, name):
            index, (at, leaf, hashes, note) = int(name[7:27]), attempt(formats.tlog_proof, self.files[name]) or (None,) * 4
            root = leaf and attempt(included, H(b"\0", leaf), index, size, hashes)
            if self.unless(at == index and note == self.files["checkpoint"] and root == self.head.root, "V5.proof"):
                self.leaves[index], self.hashes[index] = leaf, H(b"\0", leaf)
            return not whole and index < size and not begin <= index < end
        pair = name[:9] != "receipts/" or {name[:-3] + "prf", name[:-3] + "opn"} <= self.files.keys()
        return re.fullmatch(NAMES, name) and pair and (name != "range" or self.scope.evidence == "range")

    # V6, V7
    def chains(self):
        heads, latest, (begin, end) = {}, 0, self.span
        for i in sorted(self.leaves):
            r = attempt(parse_leaf, i, self.leaves[i])
            if not r or not r.event:
                self.report("V6.event" if r else "V6.leaf", index=i)
                continue
            last = heads.get(r.chain)
            names = {**vars(r), "t": r.time, "latest": latest, "last": last, "known": last is not None,
                     "next": last.sequence + 1 if last else 0, "listed": r.chain in self.scope.chains,
                     "witnessed": min([when for size, when in self.bounds if i < size], default=r.time),
                     "here": self.scope.evidence == "tiles" or begin <= r.before < end}
            for step in ("time", "witness", "chain"): self.ask(step, r, 1, **names)
            self.records[i] = heads[r.chain] = r
            latest = max(latest, r.time)

    def index(self, size):  # the root over the chains of the first records, and their number
        last = {r.chain: r for i, r in sorted(self.records.items()) if i < size}
        rows = [H(b"\0", chain, *(n.to_bytes(8, "big") for n in (r.sequence, r.index)), r.hash) for chain, r in sorted(last.items())]
        return tree(rows), len(rows)

    def indexes(self, shown):
        epochs, heads = {r.index: r for r in shown if r.event == "INDEX_EPOCH"}, {}
        for r in epochs.values() if self.scope.evidence == "tiles" and self.complete else ():
            self.ask("index", r, **self.ledger.names(r), index=self.index)
        for name in [name for name in self.files if name[:6] == "index/" and re.fullmatch(NAMES, name)]:
            epoch, chain = epochs.get(int(name[6:26])), bytes.fromhex(name[27:])
            head = epoch and attempt(formats.index_proof, self.files[name], chain, epoch.s[0], epoch.s[1])
            if self.unless(head is not None, "V7.index-proof") and epoch.index == max(epochs): heads[chain] = head
        for chain in self.scope.chains if self.scope.evidence == "proofs" else ():
            if not self.unless(chain in heads, "V7.unproved"): continue
            mine = [r for i, r in sorted(self.records.items()) if r.chain == chain and i < epochs[max(epochs)].s[2]]
            here = (mine[-1].sequence, mine[-1].index, mine[-1].hash) if mine else ()
            if here != heads[chain]: self.report("V7.cut", exit_=7 if here[1:2] < heads[chain][1:2] else 8)

    # V8 to V11
    def in_scope(self, r):
        s = self.scope
        if s.evidence == "range": return s.start <= r.index < s.end
        timed = any(event == r.code and start <= r.time < end for event, start, end in s.events)
        return self.listed is None or r.chain in s.chains or s.evidence == "tiles" and (timed or r.own)

    def openings(self):
        data, last, seen, personal = self.files.get("openings", b""), -1, set(), False
        while data:
            size = u64(data[:4])
            one = attempt(opening, data[4:4 + size]) if 4 + size <= len(data) else None
            if not self.unless(one, "V8.syntax"): break
            (index, a, p), data, before, last = one, data[4 + size:], last, max(last, one[0])
            if not self.ask("opening", fresh=index > before, complete=self.complete, there=index in self.leaves): continue
            r = self.records.get(index)
            codes = formats.open_record(r, a, p) if r else []
            for code in codes: self.report(code, index=index)
            if r and r.s is not None and not self.ask("slots", r, **self.ledger.names(r)): r.s = None
            personal |= bool(r and p[0] and "V8.commitment" not in codes)
            seen |= {index} if a[0] or codes[:1] == ["V8.commitment"] else set()
        withheld = any(self.in_scope(r) for i, r in self.records.items() if i not in seen)
        self.unless(not withheld or self.stopped("V8.syntax"), "V8.withheld")
        shown = [r for _, r in sorted(self.records.items()) if r.s is not None]
        self.indexes(shown)
        if self.stopped("V5", "V6.l", "V6.e", "V7", "V8"): return
        digest, last = H(b"tocsin1/scope\0", self.files.get("scope", b"")), shown[-1].index if shown else 0
        said = [r for n, r in enumerate(shown, 1) if r.event == "DISCLOSED" and not broken("disclosure", r.event, Names(
            self.ledger.names(r), digest=digest, opened=n, personal=personal, last=last))]
        self.unless(said or not shown and not personal, "V10.disclosure")
        genesis = next((r.chain for r in shown if r.event == "GENESIS"), None)
        if self.scope.evidence == "tiles" or self.scope.evidence == "proofs" and genesis in self.scope.chains:
            for r in shown: self.ledger.take(r, self.report, self.listed)
            own = [(self.head.origin, key[0]) for key in self.ledger.state["keys"].values() if key[1] == 1]
            self.ask("ledger", head=self.head, me=self.ledger.state.get("me"), named=set(own) & {key[::2] for key in self.policy.logs})

    def stopped(self, *codes): return any(code.startswith(codes) for _, code, _, _ in self.findings)

    # V12
    def receipts(self):
        twice, state = set(), self.ledger.state
        views = {(head.origin, head.size, head.root) for head in self.seen}
        split = {a[0] for a in views for b in views if a[:2] == b[:2] and a != b}
        for _ in split - {self.head.origin, *state["proven"].values()}: self.report("V12.split")
        for name in [name for name in self.files if re.fullmatch(NAMES, name) and re.match("receipts/.*prf", name)]:
            proof, peer = attempt(formats.tlog_proof, self.files[name]), bytes.fromhex(name[9:73])
            head, _, log = signed(proof[3], self.policy.logs) if proof else (None, None, False)
            if head and head.origin not in [key.name for key in self.policy.logs]: continue
            r = attempt(self.receipt, proof, head, self.files.get(name[:-3] + "opn", b"")) if log else None
            if r and r.index == int(name[74:94]) and (head.origin, r.index) not in twice and self.ask(
                    "receipt", **self.ledger.names(r), me=state.get("me"), origin=head.origin, member=state["joined"][peer]):
                twice.add((head.origin, r.index))
                if self.confirms(r, self):
                    for signal in r.s.get(13, ()): self.received[peer, signal] = {"answer": r.s[6], "answered": r.time}
            else: self.report("V12.proof")

    def receipt(self, proof, head, opened):
        index, leaf, hashes, _ = proof
        r, (which, a, p) = parse_leaf(index, leaf), opening(opened)
        need(index == which and included(r.hash, index, head.size, hashes) == head.root)
        need(not set(formats.open_record(r, a, p)) - {"V8.flags"} and r.s and r.event in ("RECEIPT", "RETRACTION_APPLIED"))
        return r

    def confirms(self, r, by):  # whether this ledger's history agrees with what another ledger's record says of it
        def issued(index):
            r, whole = self.records.get(index), self.scope.evidence == "tiles" and self.complete and index < self.head.size
            return (r.hash if r and r.event == "RETRACTION_ISSUED" else 1) if whole else 0
        return by.ask("peer", r, **self.ledger.names(r), root=lambda size: self.root(size) or 0, issued=issued)

def compare(audits, now):  # what one ledger says of another's
    by_root = {audit.ledger.state["me"].root: audit for audit in audits if "me" in audit.ledger.state}
    for audit in audits:
        for head, other in [(head, other) for head in audit.seen for other in audits if other.head and other is not audit]:
            audit.unless(other.head.origin != head.origin or other.root(head.size) in (None, head.root), "V12.peer")
        for r in audit.ledger.claims:
            if r.s.get(14) in by_root: by_root[r.s[14]].confirms(r, audit)
        for case in [case for case in audit.ledger.cases.values() if case.get("retraction")]:
            r, subject, me = audit.records[case["retraction"]], case["subject"], audit.ledger.state["me"].root
            for other, node in [(by_root.get(node), node) for node in case["recipients"]]:
                answer = other.ledger.cases.get((me, subject)) if other else audit.received.get((node, subject))
                audit.ask("answer", r, **audit.ledger.names(r), shown=other is not None, hash=r.hash, **{"answer": 0, **(answer or {})},
                          now=(other.ledger.last if now is None else now) if other else 0)

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    parser.add_argument("--policy", required=True, type=pathlib.Path)
    parser.add_argument("--trusted-checkpoint", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--now", type=lambda seconds: int(seconds) * 1000)
    a = parser.parse_args()
    try:
        policy = parse_policy(a.policy.read_text(encoding="utf-8"))
        kept = [signed(name.read_bytes(), policy.logs) for name in a.trusted_checkpoint]
        need(policy.logs and all(log for _, _, log in kept))
        audits = [Audit(name.read_bytes(), policy, [head for head, _, _ in kept], a.now) for name in a.bundles]
    except (OSError, ValueError, IndexError) as error: return print(f"verify_bundle.py: {error}", file=sys.stderr) or 2
    compare(audits, a.now)
    for name, audit in zip(a.bundles, audits):
        for exit_, code, index, rule in audit.findings:
            print(json.dumps({"code": code, "severity": {7: "missing", 8: "tampering", 10: "breach"}[exit_], "index": index, "rule": rule}))
        print(json.dumps({"bundle": str(name), "records": len(audit.records), "findings": len(audit.findings)}))
    exits = {exit_ for audit in audits for exit_, _, _, _ in audit.findings} | {0}
    return next(code for code in (8, 7, 10, 0) if code in exits)

if __name__ == "__main__":
    sys.exit(main())
