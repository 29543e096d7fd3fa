"""The formats of a bundle, each strict: what is not in its one form raises what attempt() catches."""
import base64, re, struct
from collections import namedtuple
from types import SimpleNamespace
from primitives import H, commitments, consistent, ed25519, included, need, public_key, tree
from spec import EVENTS, FORMS, SLOTS, TYPES

Key, Checkpoint = namedtuple("Key", "name kind key id"), namedtuple("Checkpoint", "origin size root")
Scope = namedtuple("Scope", "evidence start end chains events")
MALFORMED = (ValueError, struct.error, LookupError, StopIteration, RecursionError, AttributeError, TypeError)
def attempt(function, *arguments):
    try: return function(*arguments)
    except MALFORMED: return None
def unbase64(text):
    out = base64.b64decode(text, validate=True)
    need(base64.b64encode(out).decode() == text)
    return out
def checked(value, holds):
    need(holds)
    return value
PARTS = {"": str, "<base64>": unbase64, "<hex>": bytes.fromhex,
         "<n>": lambda text: checked(int(text), int(text) < 2**64),
         "<name>": lambda text: checked(text, len(text.encode()) <= 255),
         "<hashes>": lambda text: [unbase64(line) for line in text.split("\n")[:-1]]}
def parts(found, kinds): return [text and PARTS[kind](text) for kind, text in zip(kinds, found.groups())]
def is_form(name, text): return bool(FORMS[name][0].fullmatch(text))
def form(name, text):  # the groups of SPEC's text form, each read
    found = FORMS[name][0].fullmatch(text if isinstance(text, str) else text.decode())
    return parts(checked(found, found), FORMS[name][1])
def every(name, text): return [parts(found, FORMS[name][1]) for found in FORMS[name][0].finditer(text)]
def u64(value): return int.from_bytes(value, "big")
def hashes(value): return [value[i:i + 32] for i in range(0, len(value), 32)]
def ascending(items): return all(a < b for a, b in zip(items, items[1:]))

# C2SP
def parse_note(data, limit=1 << 17):  # the text and its (name, id, signature)s
    text, lines = form("note", checked(data, len(data) <= limit))
    return text, [(name, value[:4], checked(value[4:], value[4:])) for name, value in every("signature", lines)]
def vkey(text):
    name, id_, raw = form("verifier key", text)
    need(len(raw) == 33 and raw[0] in (1, 4) and public_key(raw[1:]) and H(name.encode(), b"\n", raw)[:4].hex() == id_)
    return Key(name, raw[0], raw[1:], bytes.fromhex(id_))
def parse_policy(text):  # the logs' keys, and what each name stands for: a witness's key, or (k, names)
    need(len(text.encode()) <= 1 << 18 and is_form("policy", text))
    logs, names, grouped, quorum = [], {"none": (0, [])}, ["none"], []
    for words in (re.findall("[^ \t]+", line) for line in text.split("\n")):
        match words:
            case ["log", key] | ["log", key, _]: logs.append(vkey(key))
            case ["witness", name, key] | ["witness", name, key, _] if name not in names: names[name] = vkey(key)
            case ["group", name, least, _, *_] if name not in names and set(words[3:]) <= set(names):
                grouped += words[3:]
                names[name] = {"all": len(words) - 3, "any": 1}.get(least) or form("decimal", least)[0], words[3:]
                need(1 <= names[name][0] <= len(words) - 3 and len(set(grouped)) == len(grouped))
            case ["quorum", name] if name in names and not quorum: quorum.append(name)
            case [first, *_]: need(first[0] == "#")
    witnesses = [key for key in names.values() if isinstance(key, Key)]
    need(quorum and max(len(logs), len(names) - 1) <= 256)
    for keys, kind in ((logs, 1), (witnesses, 4)): need(len({key.key for key in keys if key.kind == kind}) == len(keys))
    return SimpleNamespace(logs=logs, names=names, quorum=quorum[0], keys=logs + witnesses)
def quorum_met(policy, name, by):
    entry = policy.names[name]
    return entry in by if isinstance(entry, Key) else sum(quorum_met(policy, one, by) for one in entry[1]) >= entry[0]
def parse_checkpoint(text):
    head = Checkpoint(*form("checkpoint", text))
    return checked(head, len(head.root) == 32 and (head.size or head.root == H()))
def signers(text, signatures, keys):  # {key: its earliest time}; a known key's signature must verify
    out = {}
    for name, id_, signature in signatures:
        for key in [key for key in keys if (key.name, key.id) == (name, id_)][:1]:
            when = u64(signature[:8]) if key.kind == 4 else 0
            message = (b"cosignature/v1\ntime %d\n" % when if key.kind == 4 else b"") + text.encode()
            need(when < 2**63 and ed25519(key.key, message, signature[8 if key.kind == 4 else 0:]))
            out[key] = min(when, out.get(key, when))
    return out
def signed(data, keys):  # (the checkpoint of a note, the keys that signed it, whether its log is among them)
    note = attempt(parse_note, data)
    head = note and attempt(parse_checkpoint, note[0]) or None
    by = head and attempt(signers, *note, keys)
    return head, by, any(key.kind == 1 and key.name == head.origin for key in by or ())
def tlog_proof(data):  # (leaf, index, hashes, checkpoint)
    leaf, index, proof, note = form("proof", data)
    return checked(leaf, len(leaf) == 128), index, proof, note.encode()

# Protobuf, descriptors, slots
def varint(n): return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)
def field(n, value): return bytes([n << 3 | 2]) + varint(len(value)) + value
def unvarint(data, at):
    end = next(i for i in range(at, at + 10) if data[i] < 128) + 1
    return sum((data[i] & 127) << 7 * (i - at) for i in range(at, end)) & 2**64 - 1, end
def wire(data, at=0):  # (field, value) in order
    while at < len(data):
        tag, at = unvarint(data, at)
        need(tag >> 3 and tag & 7 in (0, 1, 2, 5))
        value, at = unvarint(data, at) if tag & 7 in (0, 2) else ((8, 4)[tag & 7 == 5], at)
        if tag & 7: value, at = checked(data[at:at + value], value <= len(data) - at), at + value
        yield tag >> 3, value
def descriptor(data):
    outer = dict(wire(data))
    d = dict(wire(outer[1]))
    name, address, (origin,), start, end = d[1].decode(), d[2].decode(), form("key name", d[7]), d.get(9, 0), d[10]
    need(len(outer[1]) <= 4096 and is_form("node name", name) and len(name) <= 253)
    need(form("address", address)[0] < 65536 and start < end and all(len(d[i]) == 32 for i in (5, 6)))
    need(public_key(d[3]) and public_key(d[4]) and (not d.get(11) or public_key(d[11])))
    need(ed25519(d[3], b"tocsin1/descriptor\0" + outer[1], outer[2]))
    return SimpleNamespace(root=H(d[3]), key=d[4], name=name, origin=origin, sequence=d.get(8, 0), start=start, end=end)
def equivocation(s):  # the proof that these slots of an EQUIVOCATION_EVIDENCE are
    heads, proof = [], s.get(4, b"")
    for note, data in ((s[1], s[0]), (s[2], s.get(5, s[0]))):
        d, outer, (text, signatures) = descriptor(data), dict(wire(data)), parse_note(note.encode())
        key, head = Key(d.origin, 1, d.key, H(d.origin.encode(), b"\n\1", d.key)[:4]), parse_checkpoint(text)
        need(data == field(1, outer[1]) + field(2, outer[2]) and len(signatures) == 1 and head.origin == d.origin)
        need(len(note.encode()) <= 4096 and key in signers(text, signatures, [key]))
        heads.append((d.root, head))
    (root, a), (other, b) = heads
    need(root == other and a.origin == b.origin and (a.size, a.root) < (b.size, b.root) and s.get(5) != s[0])
    need((3 in s) == (4 in s) == (a.size < b.size) and len(proof) % 32 == 0)
    need(3 not in s or a.size and a.root != s[3] and consistent(a.size, b.size, s[3], hashes(proof)) == (s[3], b.root))
    lines = [f"{name}{base64.b64encode(v).decode()}\n" for name, v in (
        ("descriptor ", s[0]), ("descriptor ", s.get(5)), ("root ", s.get(3)), *(("", v) for v in hashes(proof))) if v]
    file = "tocsin-equivocation/1\n" + "".join(lines) + "\n" + s[1] + "\n" + s[2]
    return SimpleNamespace(issuer=root, origin=a.origin, digest=H(file.encode()))
def labels(value):
    need(not value or 0 < value[0] < len(value))
    return [value[1:1 + value[0]].decode(), *labels(value[1 + value[0]:])] if value else []
READ = {"UINT": u64, "TIME": u64, "ENUM": u64, "HASHES": hashes, "TEXT": bytes.decode, "LABELS": labels}
LEGAL = {"__builtins__": {}, "all": all, "map": map, "len": len, "set": set, "ascending": ascending,
         "text": lambda text: is_form("text", text), "line": lambda text: is_form("line", text)}
def read_slots(event, packed):  # {slot: value}; the slots must be the event's
    out = {i: READ.get(SLOTS[event][i][0], bytes)(raw) for i, (_, raw) in packed.items()}
    for i, (kind, raw) in packed.items():
        wanted, least, most, holds = TYPES[SLOTS[event][i][0]]
        need(kind == wanted and least <= len(raw) <= most)
        need(eval(holds, LEGAL, {"v": out[i], "last": SLOTS[event][i][2], "words": SLOTS[event][i][3], "size": len(raw)}))
    return checked(out, all(i in packed for i, slot in SLOTS[event].items() if slot[1]))
def slot_list(data, first):  # a class's packed slots
    out = {}
    while data:
        slot, kind, size = struct.unpack(">BHI", data[:7])
        need(max(out, default=first - 1) < slot < first + 16 and kind != 0xFFFF and size <= min(1 << 18, len(data) - 7))
        out[slot], data = (kind, data[7:7 + size]), data[7 + size:]
    return out
def opening(data):  # (index, (key of class A or None, its values or its root), the same of class P)
    f = dict(fields := list(wire(data)))
    need([n for n, _ in fields] == sorted(f) and max(f, default=1) <= 7 and all(f.values()))
    need(data == b"".join(b"\x08" + varint(v) if n == 1 else field(n, v) for n, v in fields))
    def shown(first, key, slots, root):
        need(len(key) == 32 and not root or not key and not slots and len(root) == 32)
        return (key, slot_list(slots, first)) if key else (None, root)
    return f.get(1, 0), shown(0, *(f.get(i, b"") for i in (2, 3, 4))), shown(16, *(f.get(i, b"") for i in (5, 6, 7)))
def parse_leaf(index, leaf):  # a record; once it is opened it has the values of its slots
    fields = struct.unpack(">4sHHQ32sQ32s32sQ", leaf)
    names = "magic code flags time chain sequence previous body before".split()
    r = SimpleNamespace(**dict(zip(names, fields)), s=None)
    need(r.magic == b"TOC1" and r.flags <= 7)
    need((r.previous == bytes(32)) == (r.before == 2**64 - 1) == (r.sequence == 0))
    r.index, r.event, r.own, r.hash = index, EVENTS.get(r.code), r.code >> 8 == 5, H(b"\0", leaf)
    return r
def open_record(record, a, p):  # fills in what the openings of its classes show; the findings' codes
    rows = [commitments(first, key, shown) if key else None for first, (key, shown) in ((0, a), (16, p))]
    halves = [tree(row) if row else shown for row, (_, shown) in zip(rows, (a, p))]
    if H(b"\1", *halves) != record.body: return ["V8.commitment"]
    if rows[0]: record.s = attempt(read_slots, record.event, {**a[1], **(p[1] if rows[1] else {})})
    record.commitments = rows[0]
    wrong = {"V8.flags": rows[1] and bool(p[1]) != record.flags & 1, "V8.schema": rows[0] and record.s is None}
    return [code for code, found in wrong.items() if found]

# Archive, manifest, scope, index proofs
def read_tar(data):  # {name: content}; the archive must be what its writer would have made of them
    files, at = {}, 0
    while data[at:at + 1] not in (b"\0", b""):
        name, size = data[at:at + 100].rstrip(b"\0").decode("ascii"), int(data[at + 124:at + 135], 8)
        head = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
        tail = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
        need(data[at:at + 512] == head + b"%06o\0 " % sum(head + b" " * 8 + tail) + tail and len(name) < 100)
        need(is_form("file name", name) and name > max(files, default=""))
        files[name], end = data[at + 512:at + 512 + size], at + 512 - (-size // 512) * 512
        need(len(files[name]) == size and data[at + 512 + size:end] == bytes(end - at - 512 - size))
        at = end
    return checked(files, data[at:] == bytes(1024))
def tile_path(level, i, size):  # of the i-th tile of a level, "" when a tree of this size does not have it
    count, digits, rest = size if level == "entries" else size >> 8 * level, "%03d" % (i % 1000), i // 1000
    width = min(256, count - 256 * i)
    while rest: digits, rest = "x%03d/" % (rest % 1000) + digits, rest // 1000
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < 256 else "") if width > 0 else ""
def parse_manifest(data):  # (the note, its origin, {name: digest})
    note = parse_note(data, 1 << 26)
    origin, lines = form("manifest", note[0])
    listed = every("listed file", lines)
    need(ascending([name for _, name in listed]) and not {"manifest", "manifest.sig"} & {name for _, name in listed})
    return note, origin, {name: digest for digest, name in listed}
def strings(*texts): return b"".join(struct.pack(">I", len(text)) + text for text in texts)  # as SSH writes them
def sshsig(data, message):  # the key whose armored signature over the message this is
    blob, terms = unbase64(form("SSH signature", data)[0].replace("\n", "")), strings(b"tocsin-bundle", b"", b"sha256")
    key, end = blob[33:65], strings(strings(b"ssh-ed25519", blob[-64:]))
    need(blob == b"SSHSIG\0\0\0\1" + strings(strings(b"ssh-ed25519", key)) + terms + end)
    return checked(key, ed25519(key, b"SSHSIG" + terms + strings(H(message)), blob[-64:]))
def parse_scope(data, size):
    start, end, evidence, chains, events = form("scope", data)
    if not evidence: return checked(Scope("range", start, end, [], []), start < end <= size)
    chains, events = [chain for chain, in every("scope chain", chains)], every("scope event", events)
    need((chains or events) and (evidence == "tiles" or not events) and len(chains) <= 65536 and len(events) <= 64)
    need(ascending(chains) and ascending(events) and all(since < until for _, since, until in events))
    return Scope(evidence, 0, 0, chains, [(int(code, 16), since, until) for code, since, until in events])
def index_proof(data, chain, root, count):  # the chain's entry (sequence, index, hash), or () when it is absent
    says, lines = form("index", data)
    places = every("index entry", lines)
    need(all(len(entry) == 80 and included(H(b"\0", entry), at, count, proof) == root for at, entry, proof in places))
    at, ids = [place[0] for place in places], [place[1][:32] for place in places]
    if says == "present": return struct.unpack(">QQ32s", checked(places, ids == [chain])[0][1][32:])
    ends = ([0], [False]), ([count - 1], [True]), ([*at[:1], at[0] + 1], [True, False]) if at else ()
    return checked((), chain not in ids and ((at, [id_ < chain for id_ in ids]) in ends if at else count == 0))
