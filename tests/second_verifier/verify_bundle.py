#!/usr/bin/env -S python3 -B
"""A second verifier of Tocsin bundles, written from protocol/SPEC.md alone; it shares no code with tocsin-verify.

    verify_bundle.py BUNDLE... (--policy FILE | --vkey KEY...) [--trusted-checkpoint FILE]... [--now SECONDS]

A JSON line a finding and one a bundle. Exit: 0 clean, 8 tampering, 7 missing evidence, 10 breach, 2 usage.
Slots, rules, findings and text forms are read out of SPEC.md itself, which therefore has to be exact."""
import argparse, json, pathlib, re, struct, sys
import formats
from formats import attempt, form, need, opening, parse_leaf, parse_policy, signed, tile_path, u64
from primitives import H, consistent, included, tree
from process import Ledger, Names, broken
from spec import FINDINGS, NAMES

class Audit:
    def __init__(self, archive, policy, trusted, now):
        self.findings, self.policy, self.ledger, self.head, self.complete, self.now = [], policy, Ledger(), None, True, now
        self.leaves, self.hashes, self.records, self.roots, self.received, self.seen = {}, {}, {}, {}, {}, []
        self.files = attempt(formats.read_tar, archive)
        if self.files is None: return self.report("V1.tar")
        own = attempt(lambda: parse_policy(self.files["policy"].decode()))
        self.ask("archive", files=self.files.keys(), policy=own)
        origin = self.manifest() if "manifest" in self.files else None
        if "checkpoint" in self.files: self.checkpoint(origin, trusted, now)
    def report(self, code, rule="", index=None, exit_=None):
        self.findings.append((exit_ or FINDINGS[code][0], code, index, rule or FINDINGS[code][1]))
    def unless(self, holds, code, **more): return holds or self.report(code, **more)
    def ask(self, step, r=None, most=None, **names):  # whether all holds that SPEC's table asks at this step
        found = broken(step, r.event if r else "", Names(names))[:most]
        for code, rule in found: self.report(code, rule, r and r.index)
        return not found
    def named(self, folder):  # the files of a folder that §9 has a name for
        return [name for name in self.files if name.startswith(folder) and re.fullmatch(NAMES, name)]

    # V2, V3, V4
    def manifest(self):
        found, files = attempt(formats.parse_manifest, self.files["manifest"]), self.files.keys()
        if not found: return self.report("V2.manifest")
        note, origin, listed = found
        by = attempt(formats.signers, *note, [key for key in self.policy.logs if key.name == origin])
        self.ask("manifest", by=[key.key for key in by or ()], files=files, listed=listed.keys(),
                 signatures=len(note[1]),
                 ssh=attempt(formats.sshsig, self.files.get("manifest.sig", b""), self.files["manifest"]),
                 others=files - {"manifest", "manifest.sig"},
                 same=all(H(self.files[name]).hex() == listed[name] for name in listed.keys() & files))
        return origin
    def checkpoint(self, origin, trusted, now):
        self.head, by, log = signed(self.files["checkpoint"], self.policy.keys)
        if not self.head: return self.report("V3.checkpoint")
        self.ask("checkpoint", log=log, head=self.head, origin=origin or 0,
                 quorum=log and formats.quorum_met(self.policy, self.policy.quorum, by))
        scope, size = self.files.get("scope", b"tocsin-scope/1\nevidence tiles\nevent 0000 0 1\n"), self.head.size
        self.scope = attempt(formats.parse_scope, scope, size)
        if not self.scope: return self.report("V1.scope")
        self.listed = self.scope.chains if "scope" in self.files else None
        self.bounds = self.times("checkpoint", size) + ([(size, now)] if now is not None else [])
        for step in (self.tree, lambda: self.older(trusted), self.chains, self.openings, self.receipts): step()
    def times(self, name, size):  # when the witnesses of a note cosigned
        by = attempt(lambda: formats.signers(*formats.parse_note(self.files[name]), self.policy.keys)) or {}
        return [(size, 1000 * when) for key, when in by.items() if key.kind == 4]
    def older(self, trusted):
        notes = [signed(self.files[name], self.policy.logs) for name in self.named("peers/") + self.named("gossip/")]
        self.seen = [head for head, _, log in notes if log]
        others, size = [head for head in trusted + self.seen if head.origin == self.head.origin], self.head.size
        if len({"checkpoint.old", "consistency"} & self.files.keys()) == 1: self.report("V4.proof", exit_=7)
        elif "consistency" in self.files:
            old, _, log = signed(self.files["checkpoint.old"], self.policy.logs)
            if self.unless(log, "V4.old"):
                others.append(old)
                self.bounds += self.times("checkpoint.old", old.size)
                proof, roots = attempt(form, "hashes", self.files["consistency"]) or (), (old.root, self.head.root)
                shown = attempt(consistent, old.size, size, old.root, *proof) == roots if old.size else proof == [[]]
                self.unless(old.size > size or shown, "V4.proof")
        for old in others: self.ask("older", most=1, old=old, head=self.head, root=self.root(old.size) or 0)
    def root(self, size):  # of the first leaves, where the bundle has them all
        if size not in self.roots:
            row = [self.hashes.get(i) for i in range(size)] if size <= len(self.hashes) else [None]
            self.roots[size] = tree(row) if None not in row else None
        return self.roots[size]

    # V5
    def tree(self):
        size, s = self.head.size, self.scope
        span = {"tiles": (0, size), "proofs": (0, 0), "range": (s.start & -256, min(size, s.end + 255 & -256))}
        self.span = begin, end = span[s.evidence]
        for i in range(begin // 256, -(-end // 256)):
            entries, ats = self.files.get(tile_path("entries", i, size)), range(0, 130 * min(256, size - 256 * i), 130)
            self.complete = len(entries or b"") == 130 * len(ats) and all(entries[at:at + 2] == b"\0\x80" for at in ats)
            if not self.unless(self.complete, "V5.missing" if entries is None else "V5.entries"): break
            self.leaves.update({256 * i + n: entries[at + 2:at + 130] for n, at in enumerate(ats)})
        self.hashes, level = {i: H(b"\0", leaf) for i, leaf in self.leaves.items()}, 0
        row = list(self.hashes.values())
        while row and (level == 0 or s.evidence == "tiles"):
            for at in range(0, len(row) if self.complete else len(row) & -256, 256):
                tile = self.files.get(tile_path(level, (at + (0 if level else begin)) // 256, size))
                self.unless(tile == b"".join(row[at:at + 256]), "V5.missing" if tile is None else "V5.tile")
            row, level = [tree(row[at:at + 256]) for at in range(0, len(row) - 255, 256)], level + 1
        if s.evidence == "range" and self.unless("range" in self.files, "V5.missing"):
            self.unless(not self.complete or attempt(self.joins, begin, end), "V5.range")
        self.unless(s.evidence != "tiles" or not self.complete or self.root(size) == self.head.root, "V5.root")
        for name in self.files: self.unless(self.fits(name, begin, end, size), "V1.unexpected")
    def joins(self, begin, end):  # whether the range leads to the checkpoint
        edge, proof = form("range", self.files["range"])
        sizes, stack = [1 << bit for bit in range(64, -1, -1) if begin >> bit & 1], []  # complete subtrees
        need(len(edge) == len(sizes))
        for node in [*zip(sizes, edge), *((1, self.hashes[i]) for i in range(begin, end)), None]:
            while len(stack) > 1 and (node is None or stack[-1][0] == stack[-2][0]):
                (size, right), (more, left) = stack.pop(), stack.pop()
                stack.append((size + more, H(b"\1", left, right)))
            stack.append(node)
        root = stack[0][1] if end else H()
        if end == self.head.size: return root == self.head.root and not proof
        return consistent(end, self.head.size, root, proof) == (root, self.head.root)
    def fits(self, name, begin, end, size):  # whether the bundle may have this file; and what it proves
        whole, tile = self.scope.evidence == "tiles", re.fullmatch("tile/(entries|[0-9]+)/([0-9x/]+)(?:[.]p/.*)?", name)
        if tile:
            i, level = int(re.sub("[x/]", "", tile[2])), tile[1] if tile[1] == "entries" else int(tile[1])
            return name == tile_path(level, i, size) and (whole or level in ("entries", 0) and begin <= 256 * i < end)
        if name[:7] == "proofs/" and re.fullmatch(NAMES, name):
            leaf, at, hashes, note = attempt(formats.tlog_proof, self.files[name]) or (b"", None, [], b"")
            index = int(name[7:27])
            root = attempt(included, H(b"\0", leaf), index, size, hashes)
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
            if not self.unless(r, "V6.leaf", index=i) or not self.unless(r.event, "V6.event", index=i): continue
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
        rows = [H(b"\0", chain, struct.pack(">QQ", r.sequence, r.index), r.hash) for chain, r in sorted(last.items())]
        return tree(rows), len(rows)
    def indexes(self, shown):
        epochs, heads = {r.index: r for r in shown if r.event == "INDEX_EPOCH"}, {}
        for r in epochs.values() if self.scope.evidence == "tiles" and self.complete else ():
            self.ask("index", r, **self.ledger.names(r, index=self.index))
        for name in self.named("index/"):
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
            one = attempt(opening, data[4:4 + u64(data[:4])]) if 4 + u64(data[:4]) <= len(data) else None
            if not self.unless(one, "V8.syntax"): break
            (index, a, p), data, before, last = one, data[4 + u64(data[:4]):], last, max(last, one[0])
            facts = {"fresh": index > before, "complete": self.complete, "there": index in self.leaves}
            if not self.ask("opening", **facts): continue
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
        facts = {"digest": H(b"tocsin1/scope\0", self.files.get("scope", b"")), "last": shown[-1].index if shown else 0}
        said = [r for n, r in enumerate(shown, 1) if r.event == "DISCLOSED" and not broken(
            "disclosure", r.event, self.ledger.names(r, **facts, opened=n, personal=personal))]
        self.unless(said or not shown and not personal, "V10.disclosure")
        genesis, state = next((r.chain for r in shown if r.event == "GENESIS"), None), self.ledger.state
        if self.scope.evidence == "tiles" or self.scope.evidence == "proofs" and genesis in self.scope.chains:
            for r in shown: self.ledger.take(r, self.report, self.listed)
            self.ledger.late(self.report, self.ledger.last if self.now is None else self.now)
            own = {(self.head.origin, key[0]) for key in state["keys"].values() if key[1] == 1}
            self.ask("ledger", head=self.head, me=state.get("me"), named=own & {key[::2] for key in self.policy.logs})
    def stopped(self, *codes): return any(code.startswith(codes) for _, code, _, _ in self.findings)

    # V12
    def receipts(self):
        twice, state, logs = set(), self.ledger.state, [key.name for key in self.policy.logs]
        views = {(head.origin, head.size, head.root) for head in self.seen}
        split = {a[0] for a in views for b in views if a[:2] == b[:2] and a != b}
        self.unless(split <= {self.head.origin, *state["proven"].values()}, "V12.split")
        for name in [name for name in self.named("receipts/") if name.endswith("prf")]:
            proof, peer = attempt(formats.tlog_proof, self.files[name]), bytes.fromhex(name[9:73])
            head, _, log = signed(proof[3], self.policy.logs) if proof else (None, None, False)
            if head and head.origin not in logs: continue
            r = attempt(self.receipt, name, proof, head) if log else None
            if not self.unless(r and (head.origin, r.index) not in twice, "V12.proof"): continue
            facts = {"me": state.get("me"), "origin": head.origin, "member": state["joined"][peer]}
            if self.ask("receipt", r, **self.ledger.names(r, **facts)):
                twice.add((head.origin, r.index))
                for signal in r.s.get(13, ()) if self.confirms(r, self) else ():
                    self.received[peer, signal] = {"answer": r.s[6], "answered": r.time}
    def receipt(self, name, proof, head):
        leaf, index, hashes, _ = proof
        r, (which, a, p) = parse_leaf(index, leaf), opening(self.files[name[:-3] + "opn"])
        need(index == which == int(name[74:94]) and included(r.hash, index, head.size, hashes) == head.root)
        need(set(formats.open_record(r, a, p)) <= {"V8.flags"} and r.event in ("RECEIPT", "RETRACTION_APPLIED") and r.s)
        return r
    def confirms(self, r, by):  # whether this ledger's history agrees with what another ledger's record says of it
        def issued(index):
            there = self.records.get(index) if self.scope.evidence == "tiles" and self.complete else None
            return there and (there.hash if there.event == "RETRACTION_ISSUED" else 1) or 0
        return by.ask("peer", r, **self.ledger.names(r, root=lambda size: self.root(size) or 0, issued=issued))

def compare(audits, now):  # what one ledger says of another's
    by_root = {audit.ledger.state["me"].root: audit for audit in audits if "me" in audit.ledger.state}
    for audit in audits:
        for seen in audit.seen:
            others = [other for other in audits if other is not audit and other.head]
            shown = {other.root(seen.size) for other in others if other.head.origin == seen.origin}
            audit.unless(shown <= {None, seen.root}, "V12.peer")
        for r in audit.ledger.claims:
            if r.s.get(14) in by_root: by_root[r.s[14]].confirms(r, audit)
        for case in [case for case in audit.ledger.cases.values() if case.get("retraction")]:
            r, subject = audit.records[case["retraction"]], case["subject"]
            for other, node in [(by_root.get(node), node) for node in case["recipients"]]:
                me, answers = audit.ledger.state["me"].root, other.ledger.cases if other else audit.received
                answer = {"answer": 0, **answers.get((me, subject) if other else (node, subject), {})}
                time = (other.ledger.last if now is None else now) if other else 0
                audit.ask("answer", r, **audit.ledger.names(r, **answer, shown=other is not None, now=time))

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundles", nargs="+", type=pathlib.Path)
    trust = parser.add_mutually_exclusive_group(required=True)
    trust.add_argument("--policy", type=pathlib.Path)
    trust.add_argument("--vkey", action="append")
    parser.add_argument("--trusted-checkpoint", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--now", type=lambda seconds: int(seconds) * 1000)
    a = parser.parse_args()
    try:
        keys = "".join(f"log {key}\n" for key in a.vkey or ())
        policy = parse_policy(keys + "quorum none\n" if keys else a.policy.read_text(encoding="utf-8"))
        kept = [signed(name.read_bytes(), policy.logs) for name in a.trusted_checkpoint]
        need(policy.logs and all(log for _, _, log in kept))
        archives = [name.read_bytes() for name in a.bundles]
    except (OSError, ValueError) as error: return print(f"verify_bundle.py: {error}", file=sys.stderr) or 2
    audits = [Audit(archive, policy, [head for head, _, _ in kept], a.now) for archive in archives]
    compare(audits, a.now)
    for name, audit in zip(a.bundles, audits):
        for exit_, code, index, rule in audit.findings:
            severity = {7: "missing", 8: "tampering", 10: "breach"}[exit_]
            print(json.dumps({"code": code, "severity": severity, "index": index, "rule": rule}))
        print(json.dumps({"bundle": str(name), "records": len(audit.records), "findings": len(audit.findings)}))
    exits = {exit_ for audit in audits for exit_, _, _, _ in audit.findings} | {0}
    return next(code for code in (8, 7, 10, 0) if code in exits)

if __name__ == "__main__": sys.exit(main())
