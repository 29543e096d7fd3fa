"""SPEC section 6: what its expressions mean, and one ledger's records replayed by its tables of due process."""
import hashlib, re, struct
from formats import attempt, descriptor, equivocation, need, parse_policy
from primitives import H, ed25519, public_key
from spec import PHASES, RECEIVERS, RULES, SETS

class Table(dict):
    def __missing__(self, key): return 0
SETTABLE = {name for sets in (*SETS.values(), *(row[4] for row in PHASES)) for name, _, _, _ in sets}
class Names(dict):  # what an expression may name: a word in capitals is itself, and 0 is what nothing has set yet
    def __missing__(self, name):
        need(not re.fullmatch(r"s\d+", name))
        if name in SETTABLE or name.isupper(): return name if name.isupper() else 0
        raise NameError(f"SPEC.md names {name}, which nothing sets")
def value(expression, names): return eval(expression, {"__builtins__": {}}, names)
def broken(step, event, names):  # the (code, rule)s of a step that do not hold, in SPEC's order
    return [(code or "V10.rule", rule or "") for events, when, rule, code, holds in RULES
            if when == step and (events == ["any"] or event in events) and not attempt(value, holds, names)]

class Ledger:
    def __init__(self):
        self.state = {name: Table() for sets in SETS.values() for name, key, _, _ in sets if key}
        self.cases, self.claims, self.last, self.receivers = {}, [], 0, {row[0].split()[0] for row in RECEIVERS}
    def names(self, r, case=(), **more):
        state, s, case = self.state, r.s, dict(case)
        me, keys = state.get("me"), state["keys"]
        def key(id_, when, *roles):
            _, role, _, start, end = keys[id_]
            return not state["gone"][id_] and start <= when < end and (not roles or role in roles)
        def attested():
            says = me.root + struct.pack(">H", r.code) + r.chain + struct.pack(">Q", s[11]) + H(*r.commitments[:15])
            return s[15][:8] == s[8] and ed25519(keys[s[8]][0], b"tocsin1/attestation\0" + says, s[15][8:])
        def recipients():
            epochs = [pair for group in case.get("groups", ()) for pair in zip(
                state["members"][group], [until for until, _ in state["members"][group][1:]] + [r.index])]
            return sorted({node for (_, nodes), end in epochs if end > case["published"] for node in nodes} - {me.root})
        return Names({
            **{f"s{i}": v for i, v in s.items()}, **state, **case, "has": s.__contains__, "t": r.time, "i": r.index,
            "event": r.event, "chain": r.chain, "sequence": r.sequence, "own": r.own, "hash": r.hash,
            "key": key, "public_key": public_key, "attested": attested, "recipients": recipients,
            "id": lambda key: H(b"tocsin1/key-id\0", key)[:8], "person": lambda id_: keys[id_][2].encode().lower(),
            "logs": lambda text: [key[::2] for key in parse_policy(text).logs], "equivocation": lambda: equivocation(s),
            "descriptor": lambda v: attempt(descriptor, v), "digest": lambda nodes: H(b"tocsin1/recipients\0", *nodes),
            "signal": lambda v: hashlib.blake2b(b"tocsin1/signal\0" + me.root + v, digest_size=32).digest(), **more})
    def set(self, settings, names, place):
        for name, key, append, text in settings:
            where, at, new = self.state[name] if key else place, value(key, names) if key else name, value(text, names)
            where[at] = (*(where.get(at) or ()), new) if append else new
            names[name] = where if key else where[at]
    def take(self, r, report, listed):  # of the cases, only those `listed` are judged, unless it is None
        self.last, names, receiver = max(self.last, r.time), self.names(r), r.event in self.receivers
        alone = broken("itself", r.event, names)[:1]
        for finding in alone or broken("beside", r.event, names): report(*finding, r.index)
        if r.own: return alone or self.set(SETS.get(r.event, ()), names, self.state)
        if not alone: self.claims.append(r)
        if r.event == "RECEIPT" or receiver and (alone or listed is not None): return None
        covers = r.s[13] if isinstance(r.s.get(13), list) else [r.chain]
        found = [self.judge(r, (r.s[14], id_) if receiver else id_, receiver, alone)
                 for id_ in covers if listed is None or id_ in listed]
        for finding in [] if alone else sum(found, [])[:1]: report(*finding, r.index)
    def judge(self, r, id_, receiver, alone):
        case = self.cases.setdefault(id_, {"phase": "–", "begun": receiver})
        phase, case["begun"] = case["phase"], case["begun"] or r.event == "SUBMITTED" and case["phase"] == "–"
        fits = [row for row in PHASES if row[0] == r.event and row[1] in ("", str(r.s.get(0))) and
                (phase in row[2] or row[2] == ["any"])]
        names = self.names(r, case, placed=fits and case["begun"])
        found = alone or broken("case", r.event, names)[:1]
        if not found:
            self.set(fits[0][4], names, case)
            case["phase"] = phase if fits[0][3] == "the same" else fits[0][3]
        elif not receiver and phase in ("–", "DRAFT", "SHAREABLE", "LIVE"): case["phase"] = "REFUSED"
        return found
