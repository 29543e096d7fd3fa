"""SPEC section 6: what its expressions mean, and one ledger's records replayed by its tables of due process."""
import hashlib
import re
import struct

from formats import attempt, descriptor, equivocation, need, parse_policy
from primitives import H, ed25519, public_key
from spec import PHASES, RECEIVERS, RULES, SETS

class Table(dict):
    def __missing__(self, key): return 0
class Names(dict):  # what an expression may name: a word in capitals is itself, and 0 is what nothing has set
    def __missing__(self, name):
        need(not re.fullmatch(r"s\d+", name))
        return name if name.isupper() else 0

def value(expression, names): return eval(expression, {"__builtins__": {}}, names)

def broken(step, event, names):  # the (code, rule)s of a step that do not hold, in SPEC's order
    return [((code or ["V10.rule"])[0], (rule or [""])[0]) for events, when, rule, code, holds in RULES
            if when == step and (events == ["any"] or event in events) and not attempt(value, holds, names)]

class Ledger:
    def __init__(self):
        tables = {name for sets in SETS.values() for name, key, _, _ in sets if key}
        self.state, self.cases, self.claims, self.last = {name: Table() for name in tables}, {}, [], 0

    def names(self, r, case=()):
        state, s, case = self.state, r.s, dict(case)
        me, keys, gone = state.get("me"), state["keys"], state["gone"]
        def key(id_, when, *roles):
            _, role, _, start, end = keys[id_]
            return not gone[id_] and start <= when < end and (not roles or role in roles)
        def attested():
            says = me.root + struct.pack(">H", r.code) + r.chain + struct.pack(">Q", s[11]) + H(*r.commitments[:15])
            return s[15][:8] == s[8] and ed25519(keys[s[8]][0], b"tocsin1/attestation\0" + says, s[15][8:])
        def recipients():
            out = set()
            for epochs in (state["members"][group] for group in case.get("groups", ())):
                for (_, members), (until, _) in zip(epochs, [*epochs[1:], (r.index, ())]):
                    out.update(members if until > case["published"] else ())
            return sorted(out - {me.root})
        return Names({
            **{f"s{i}": v for i, v in s.items()}, **state, **case, "has": s.__contains__, "t": r.time, "i": r.index,
            "event": r.event, "chain": r.chain, "sequence": r.sequence, "own": r.own, "public_key": public_key,
            "equivocation": lambda: equivocation(s), "key": key, "attested": attested, "recipients": recipients, "id": lambda key: H(b"tocsin1/key-id\0", key)[:8],
            "person": lambda id_: keys[id_][2].encode().lower(), "digest": lambda nodes: H(b"tocsin1/recipients\0", *nodes),
            "descriptor": lambda data: attempt(descriptor, data), "logs": lambda text: [k[0::2] for k in parse_policy(text).logs],
            "signal": lambda v: hashlib.blake2b(b"tocsin1/signal\0" + me.root + v, digest_size=32).digest()})

    def set(self, settings, names, place):
        for name, key, append, text in settings:
            where, at, new = self.state[name] if key else place, value(key, names) if key else name, value(text, names)
            where[at] = (*(where.get(at) or ()), new) if append else new
            names[name] = where if key else where[at]

    def take(self, r, report, listed):  # of the cases, only those `listed` are judged, unless it is None
        self.last, names, receiver = max(self.last, r.time), self.names(r), r.event in RECEIVERS
        alone = broken("itself", r.event, names)[:1]
        for finding in alone or broken("beside", r.event, names): report(*finding, r.index)
        if r.own: return alone or self.set(SETS.get(r.event, ()), names, self.state)
        if not alone: self.claims.append(r)
        if r.event == "RECEIPT" or receiver and (alone or listed is not None): return None
        found = [self.judge(r, (r.s[14], id_) if receiver else id_, receiver, alone)
                 for id_ in (r.s[13] if isinstance(r.s.get(13), list) else [r.chain]) if listed is None or id_ in listed]
        for finding in [] if alone else [finding for findings in found for finding in findings][:1]: report(*finding, r.index)

    def judge(self, r, id_, receiver, alone):
        case = self.cases.setdefault(id_, {"phase": "–", "begun": receiver})
        phase, case["begun"] = case["phase"], case["begun"] or r.event == "SUBMITTED" and case["phase"] == "–"
        names = self.names(r, case)
        row = next((row for row in PHASES if row[0] == r.event and row[1] in ("", str(r.s.get(0))) and
                    (phase in row[2] or row[2] == ["any"])), None)
        names["placed"] = row and case["begun"]
        found = alone or broken("case", r.event, names)[:1]
        if not found:
            self.set(row[4], names, case)
            case["phase"] = phase if row[3] == "the same" else row[3]
        elif not receiver and phase in ("–", "DRAFT", "SHAREABLE", "LIVE"): case["phase"] = "REFUSED"
        return found
