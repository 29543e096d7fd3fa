"""SPEC section 6: what its expressions mean, and one ledger's records replayed by its tables of due process."""
import hashlib, re, struct
from formats import attempt, descriptor, equivocation, need, parse_policy
from primitives import H, ed25519, public_key
from spec import CLOCKS, MATTERS, PHASES, RECEIVERS, RULES, SETS

DECIDES = {"APPEAL_DECIDED": 1, "DISPUTE_OUTCOME": 2, "COURT_OUTCOME": 2}  # else slot 0
OF_MATTERS = {row[0] for row in MATTERS}
UNITS = {"s": 1000, "min": 60000, "h": 3600000, "d": 86400000}

class Table(dict):
    def __missing__(self, key): return 0
SETTABLE = {name for sets in (*SETS.values(), *(row[4] for row in PHASES + MATTERS)) for name, _, _, _ in sets}
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
        lines = [line for prose in state["prose"].values() for line in prose.split("\n")]
        def clock(name):
            said = re.findall(f"^clock {name} ([0-9]+) (s|min|h|d)$", "\n".join(lines), re.M)
            said = [ms for ms in (int(n) * UNITS[unit] for n, unit in said) if 0 < ms <= 3650 * UNITS["d"]]
            default = value(CLOCKS[name][1], {})
            return max([default, *said]) if name == "complaint-window" else min(said or [default])
        def person(id_): return keys[id_][2].encode().lower()
        def same(one, other): return one == other or keys[one] and keys[other] and person(one) == person(other)
        return Names({
            **{f"s{i}": v for i, v in s.items()}, **state, **case, "has": s.__contains__, "t": r.time, "i": r.index,
            "event": r.event, "chain": r.chain, "sequence": r.sequence, "own": r.own, "hash": r.hash,
            "key": key, "public_key": public_key, "attested": attested, "recipients": recipients,
            "id": lambda key: H(b"tocsin1/key-id\0", key)[:8], "person": person, "set": set,
            "clock": clock, "grave": lambda category: "severe " + category in lines,
            "some": lambda name: any(matter.get(name) for matter in case.get("matters", {}).values()),
            "fresh": lambda id_: not any(same(id_, other) for other in case.get("reviewers", ())),
            "logs": lambda text: [key[::2] for key in parse_policy(text).logs], "equivocation": lambda: equivocation(s),
            "descriptor": lambda v: attempt(descriptor, v), "digest": lambda nodes: H(b"tocsin1/recipients\0", *nodes),
            "signal": lambda v: hashlib.blake2b(b"tocsin1/signal\0" + me.root + v, digest_size=32).digest(), **more})
    def late(self, report, now):  # the clocks of every matter
        for case in self.cases.values():
            for matter in case.get("matters", {}).values():
                names = Names({**case, **matter, "first": lambda *times: min(filter(None, times), default=0),
                               "after": lambda seen, i: next((t for at, t in seen or () if at > i), 0)})
                for rule, _, due, met, origin in CLOCKS.values():
                    if value(due, names) and (value(met, names) or now) > value(due, names):
                        report("V11.clock", rule, value(origin, names))
    def set(self, settings, names, place):
        for name, key, append, text in settings:
            where, at, new = self.state[name] if key else place, value(key, names) if key else name, value(text, names)
            where[at] = (*(where.get(at) or ()), new) if append else new
            names[name] = where if key else where[at]
    def take(self, r, report, listed):  # of the cases, only those `listed` are judged, unless it is None
        self.last, names, receiver = max(self.last, r.time), self.names(r), r.event in self.receivers or r.event in OF_MATTERS and 14 in r.s
        alone = broken("itself", r.event, names)[:1]
        for finding in alone: report(*finding, r.index)
        if r.own: return alone or self.set(SETS.get(r.event, ()), names, self.state)
        if not alone: self.claims.append(r)
        if r.event == "RECEIPT" or receiver and (alone or listed is not None): return None
        covers = r.s[13] if isinstance(r.s.get(13), list) else [r.chain]
        found = [self.judge(r, (r.s[14], id_) if receiver else id_, receiver, alone)
                 for id_ in covers if listed is None or id_ in listed]
        for finding in [] if alone else sum(found, [])[:1]: report(*finding, r.index)
    def judge(self, r, id_, receiver, alone):
        case = self.cases.setdefault(id_, {"phase": "–", "begun": receiver, "subject": id_[1] if receiver else 0})
        of_matter, phase = r.event in OF_MATTERS, case["phase"]
        case["begun"] = case["begun"] or r.event == "SUBMITTED" and phase == "–"
        place = case.setdefault("matters", {}).setdefault(r.chain, {"matter": "–"}) if of_matter else case
        at, decision = "matter" if of_matter else "phase", str(r.s.get(DECIDES.get(r.event, 0)))
        fits = [row for row in (MATTERS if of_matter else PHASES) if row[0] == r.event and row[1] in ("", decision) and
                (place[at] in row[2] or row[2] == ["any"])]
        names = self.names(r, {**case, **place}, placed=fits and case["begun"])
        found = alone or broken("case", r.event, names)[:1]
        if not found:
            self.set(fits[0][4], names, place)
            place[at] = place[at] if fits[0][3] == "the same" else fits[0][3]
        elif not receiver and not of_matter and phase in ("–", "DRAFT", "SHAREABLE", "LIVE"): case["phase"] = "REFUSED"
        return found
