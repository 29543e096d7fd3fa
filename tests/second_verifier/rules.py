"""SPEC section 6: one ledger's records replayed, each judged by the rules of due process."""
import struct
from types import SimpleNamespace

from formats import attempt, descriptor, hashes, parse_policy
from primitives import H, ed25519, public_key

CASE = {"0101": "- DRAFT", "0102 1": "DRAFT,SHAREABLE SHAREABLE", "0102 2": "DRAFT,SHAREABLE REJECTED", "0102 3": "DRAFT,SHAREABLE DRAFT",
        "0104": "DRAFT,SHAREABLE WITHDRAWN", "0201": "SHAREABLE,LIVE LIVE", "0108": "DRAFT,SHAREABLE,LIVE,REFUSED EXPIRED",
        "0401": "DRAFT,SHAREABLE,LIVE,REFUSED,EXPIRED RETRACTING", "0205 1": "-,HELD,ACTIONABLE ACTIONABLE",
        "0205 2": "-,HELD,ACTIONABLE DECLINED", "0205 3": "-,HELD,ACTIONABLE HELD", "0204": "-,HELD,ACTIONABLE DECLINED",
        "0404": "-,HELD,ACTIONABLE,DECLINED CLOSED"}

def next_phase(r, phase):
    row = (CASE.get("%04X" % r.event) or CASE["%04X %d" % (r.event, r.n(0))]).split() if r.event != 0x0206 else []
    same = not row or phase == "LIVE" and r.event == 0x0102 and r.n(0) != 2
    return phase if same else row[1] if phase in row[0].split(",") else None

def review_alone(s, r):
    yield "R1", r.n(6) == 31 and r.n(12) > r.time
    yield from opinion_alone(s, r)

def opinion_alone(s, r):
    yield "R17", r.n(11) <= r.time
    if 15 in r.values:
        key = s.key(r.v(8), r.n(11))
        yield "V9.key/R2", key and key.role in (2, 4) and (r.event == 0x0206 or (r.n(9) == 2) == (key.role == 4))
        says = s.me.root + struct.pack(">H", r.event) + r.chain + r.v(11) + H(*r.commitments[:15])
        yield "V9.attestation/R2", r.v(15)[:8] == r.v(8) and ed25519(key.key, b"tocsin1/attestation\0" + says, r.v(15)[8:])

ALONE = {  # what a record of the ledger s must satisfy by itself: (rule, whether it holds) in SPEC's order
    0x0101: lambda s, r: (("R19", r.time < r.n(10) <= r.time + 1096 * 86400000), ("V9.key/R16", s.key(r.v(6), r.time))),
    0x0102: review_alone, 0x0205: review_alone, 0x0206: opinion_alone,
    0x0201: lambda s, r: (("R5", s.groups.get(r.v(0)) and s.groups[r.v(0)][-1].epoch == r.n(1)), ("R19", r.n(7) > r.time)),
    0x0108: lambda s, r: (("R17", r.n(1) <= r.time),),
    0x0202: lambda s, r: (("R6", r.n(0) <= r.n(1) <= r.n(3)),),
    0x0401: lambda s, r: (("R13", r.n(3) >= r.time), ("V9.key/R16", s.key(r.v(8), r.time))),
    0x0404: lambda s, r: (("R13", r.n(1) == 0), ("R17", r.n(0) <= r.time))}

def broken(checks):
    return next((rule for rule, holds in checks if not holds), None)

def named(rule):  # ("V10.rule", "R1")
    code, _, name = rule.partition("/")
    return (code, name) if code[0] == "V" else ("V10.rule", rule)

class Ledger:
    """One ledger's records, replayed."""
    def __init__(self):
        self.me = self.chain = None
        self.keys, self.groups, self.cases, self.received, self.members, self.charters = {}, {}, {}, {}, {}, {}
        self.suspended, self.claims, self.last = set(), [], 0

    def key(self, id_, time):
        key = self.keys.get(id_)
        return key if key and key.gone is None and key.dates[0] <= time < key.dates[1] else None

    def there(self, r, case):
        phase = next_phase(r, case.phase)
        if phase is None and r.event == 0x0201:
            yield {"RETRACTING": "R14", "EXPIRED": "R14", "REFUSED": "order"}.get(case.phase, "R1"), False
        yield "order", phase and (case.begun or r.event == 0x0101)
        if r.event == 0x0102:
            yield "R2", r.v(8) != case.submitter
        elif r.event == 0x0201:
            yield "R1", case.review and r.n(2) == case.review[0] and r.time < case.review[1]
            yield "R14", r.time < case.end
            yield "R19", r.n(7) <= case.end
        elif r.event == 0x0401 and 13 not in r.values:
            yield "R13", r.v(2) == H(b"tocsin1/recipients\0", *self.recipients(case, r.index))

    def recipients(self, case, index):
        out = set()
        for epochs in (self.groups[group] for group in case.groups):
            for epoch, until in zip(epochs, [epoch.index for epoch in epochs[1:]] + [index]):
                out.update(epoch.members if until > case.published else ())
        return sorted(out - {self.me.root})

    def node(self, r):  # 05xx records; each changes what it says once it has held
        n, v, e, me = r.n, r.v, r.event, self.me
        new = attempt(descriptor, v(5 if e == 0x0502 else 0)) if e in (0x0501, 0x0506) or e == 0x0502 and 5 in r.values else None
        if e == 0x0501:
            yield "R16", not me and r.sequence == 0 and new
            self.me, self.chain = new, r.chain
            self.add_key(new.key, 1, new.dates)
            return
        yield "R16", me and r.chain == self.chain
        if e == 0x0502:
            yield "R16", public_key(v(0)) and key_id(v(0)) not in self.keys and n(3) < n(4)
            yield "R16", n(1) != 1 or new and (new.root, new.key) == (me.root, v(0)) and new.sequence > me.sequence
            self.me = new if n(1) == 1 else me
            self.add_key(v(0), n(1), (n(3), n(4)))
        elif e in (0x0503, 0x0504):
            key = self.keys.get(v(0))
            yield "R16", key and key.gone != "compromised" and (key.gone is None or e == 0x0504)
            key.gone = "retired" if e == 0x0503 else "compromised"
        elif e == 0x0505:
            last = self.groups.get(v(0), [None])[-1]
            yield "R16", not last or n(1) > last.epoch and v(14) == last.owner
            self.groups.setdefault(v(0), []).append(SimpleNamespace(epoch=n(1), owner=v(14), members=hashes(v(3)), index=r.index))
        elif e == 0x0506:
            yield "R16", new and new.sequence >= self.members.get(new.root, 0)
            self.members[new.root] = new.sequence
        elif e == 0x0507:
            yield "R16", self.members.pop(v(0), None) is not None
        elif e == 0x0508:
            yield "R16", n(2) > self.charters.get(v(0), -1)
            self.charters[v(0)] = n(2)
        elif e == 0x0509:
            policy = attempt(parse_policy, v(0).decode())
            yield "R16", policy and any((key.name, key.key) == (me.origin, me.key) for key in policy.logs)
        elif e in (0x0514, 0x0515):
            yield "R16", (v(0) in self.suspended) == (e == 0x0515)
            self.suspended ^= {v(0)}

    def add_key(self, key, role, dates):
        self.keys[key_id(key)] = SimpleNamespace(key=key, role=role, dates=dates, gone=None)

    def take(self, r, report, chains):  # of the cases, only those of `chains` are judged, when there are any
        self.last = r.time
        if r.event >> 8 == 5:
            rule = broken(self.node(r))
            return rule and report(*named(rule), r.index)
        rule = "R16" if r.event != 0x0202 and r.chain == self.chain else broken(ALONE.get(r.event, lambda s, r: ())(self, r))
        found = {rule} if rule else set()
        receiver = r.event in (0x0204, 0x0205, 0x0206, 0x0404)
        if receiver or r.event == 0x0202:
            self.claims.append(r)
        for id_ in () if r.event == 0x0202 else hashes(r.v(13)) if 13 in r.values and r.event != 0x0101 else [r.chain]:
            if chains and not receiver and id_ not in chains:
                continue
            cases, id_ = (self.received, (r.v(14), id_)) if receiver else (self.cases, id_)
            case = cases.setdefault(id_, SimpleNamespace(phase="-", begun=receiver, review=None, groups=[], retraction=None))
            here = rule or broken(self.there(r, case))
            if r.event == 0x0101 and case.phase == "-":
                case.begun, case.submitter, case.end = True, r.v(6), r.n(10)
            if not here:
                self.fold(r, case)
            elif not receiver and case.phase in ("-", "DRAFT", "SHAREABLE", "LIVE"):
                case.phase = "REFUSED"
            found |= {here} - {None}
        for rule in sorted(found):
            report(*named(rule), r.index)
        if r.event == 0x0401 and r.n(3) > r.time + 86400000:
            report("V11.due", "R20", r.index)

    def fold(self, r, case):
        case.phase = next_phase(r, case.phase)
        if r.event == 0x0102:
            case.review = (r.index, r.n(12)) if r.n(0) == 1 else None
        elif r.event == 0x0201:
            if not case.groups:
                case.published, case.end = r.index, r.n(7)
            case.groups += [r.v(0)]
        elif r.event == 0x0401:
            case.retraction = (r, self.recipients(case, r.index))

def key_id(key):
    return H(b"tocsin1/key-id\0", key)[:8]
