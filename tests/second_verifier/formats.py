"""The formats of a bundle, each strict: what is not in its one form raises what attempt() catches."""
import base64
import re
import struct
from collections import namedtuple
from types import SimpleNamespace

from primitives import H, commitments, consistent, ed25519, included, need, public_key, tree
from spec import EVENTS, FORMS, SLOTS, TYPES

Key = namedtuple("Key", "name kind key id")
Checkpoint = namedtuple("Checkpoint", "origin size root")
Scope = namedtuple("Scope", "evidence start end chains events")

def attempt(function, *arguments):
    try:
        return function(*arguments)
    except (ValueError, struct.error, LookupError, StopIteration, RecursionError, AttributeError, TypeError):
        return None

WHOLE = Scope("tiles", 0, 0, [], [])

def form(name, text):  # the groups of SPEC's text form
    found = FORMS[name].fullmatch(text if isinstance(text, str) else text.decode())
    need(found)
    return found.groups()

def unbase64(text):
    out = base64.b64decode(text, validate=True)
    need(base64.b64encode(out).decode() == text)
    return out

def number(text):
    need(int(text) < 2**64)
    return int(text)

def u64(value): return int.from_bytes(value, "big")
def hashes(value): return [value[i:i + 32] for i in range(0, len(value), 32)]
def ascending(items): return all(a < b for a, b in zip(items, items[1:]))
def is_form(name, text): return bool(FORMS[name].fullmatch(text))
def key_name(text): return is_form("key name", text) and len(text.encode()) <= 255

# --- C2SP
def parse_note(data, limit=1 << 17):  # the text and its (name, id, signature)s
    text, lines = form("note", data)
    out = [(name, unbase64(value)[:4], unbase64(value)[4:]) for name, value in re.findall("— (.*) (.*)\n", lines)]
    need(len(data) <= limit and all(key_name(name) and signature for name, _, signature in out))
    return text, out

def parse_vkey(text, kind):
    name, id_, raw = form("verifier key", text)
    raw = unbase64(raw)
    need(key_name(name) and len(raw) == 33 and raw[0] == kind and public_key(raw[1:]))
    need(H(name.encode(), b"\n", raw)[:4].hex() == id_)
    return Key(name, kind, raw[1:], bytes.fromhex(id_))

def parse_policy(text):  # the logs' keys, and what each name stands for: a witness's key, or (k, names)
    need(len(text.encode()) <= 1 << 18 and is_form("policy", text))
    logs, names, grouped, quorum = [], {"none": (0, [])}, ["none"], []
    for words in (re.findall("[^ \t]+", line) for line in text.split("\n")):
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                logs.append(parse_vkey(vkey, 1))
            case ["witness", name, vkey] | ["witness", name, vkey, _] if name not in names:
                names[name] = parse_vkey(vkey, 4)
            case ["group", name, least, _, *_] if name not in names and set(words[3:]) <= set(names):
                grouped += words[3:]
                names[name] = ({"all": len(words) - 3, "any": 1}.get(least) or number(form("decimal", least)[0]), words[3:])
                need(1 <= names[name][0] <= len(words) - 3 and len(set(grouped)) == len(grouped))
            case ["quorum", name] if name in names and not quorum:
                quorum.append(name)
            case [first, *_]:
                need(first[0] == "#")
    witnesses = [key for key in names.values() if isinstance(key, Key)]
    need(quorum and max(len(logs), len(names) - 1) <= 256)
    need(all(len({key.key for key in keys}) == len(keys) for keys in (logs, witnesses)))
    return SimpleNamespace(logs=logs, names=names, quorum=quorum[0], keys=logs + witnesses)

def quorum_met(policy, name, by):
    entry = policy.names[name]
    return entry in by if isinstance(entry, Key) else sum(quorum_met(policy, m, by) for m in entry[1]) >= entry[0]

def parse_checkpoint(text):
    origin, size, root = form("checkpoint", text)
    out = Checkpoint(origin, number(size), unbase64(root))
    need(key_name(origin) and len(out.root) == 32 and (out.size or out.root == H()))
    return out

def signers(text, signatures, keys):  # {key: its earliest time}; a known key's signature must verify
    out = {}
    for name, id_, signature in signatures:
        for key in [key for key in keys if (key.name, key.id) == (name, id_)][:1]:
            message, when = text.encode(), 0
            if key.kind == 4:
                when, signature = struct.unpack(">Q", signature[:8])[0], signature[8:]
                message = b"cosignature/v1\ntime %d\n" % when + message
            need(when < 2**63 and ed25519(key.key, message, signature))
            out[key] = min(when, out.get(key, when))
    return out

def signed(data, keys):  # (the checkpoint of a note, the keys that signed it, whether its log is among them)
    note = attempt(parse_note, data)
    head = note and attempt(parse_checkpoint, note[0]) or None
    by = head and attempt(signers, *note, keys)
    return head, by, any(key.kind == 1 and key.name == head.origin for key in by or ())

def base64_lines(text):  # of hashes
    out = [unbase64(line) for line in form("hashes", text)[0].split("\n")[:-1]]
    need(all(len(line) == 32 for line in out))
    return out

def tlog_proof(data):  # (index, leaf, hashes, checkpoint)
    extra, index, proof, note = form("proof", data)
    need(len(unbase64(extra)) == 128)
    return number(index), unbase64(extra), base64_lines(proof), note.encode()

# --- protobuf, descriptors, slots
def varint(n): return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def unvarint(data, at):
    end = next(i for i in range(at, at + 10) if data[i] < 128) + 1
    return sum((data[i] & 127) << 7 * (i - at) for i in range(at, end)) & 2**64 - 1, end

def wire(data, at=0):  # (field, value) in order
    while at < len(data):
        tag, at = unvarint(data, at)
        need(tag >> 3 and tag & 7 in (0, 1, 2, 5))
        value, at = unvarint(data, at) if tag & 7 in (0, 2) else ((8, 4)[tag & 7 == 5], at)
        if tag & 7:
            need(value <= len(data) - at)
            value, at = data[at:at + value], at + value
        yield tag >> 3, value

def descriptor(data):
    outer = dict(wire(data))
    d = dict(wire(outer[1]))
    name, address, origin, start, end = d[1].decode(), d[2].decode(), d[7].decode(), d.get(9, 0), d[10]
    need(len(outer[1]) <= 4096 and is_form("node name", name) and len(name) <= 253 and key_name(origin) and start < end)
    need(int(form("address", address)[0]) < 65536 and all(len(d[i]) == 32 for i in (3, 4, 5, 6)))
    need(public_key(d[3]) and public_key(d[4]) and (not d.get(11) or public_key(d[11])))
    need(ed25519(d[3], b"tocsin1/descriptor\0" + outer[1], outer[2]))
    return SimpleNamespace(root=H(d[3]), key=d[4], name=name, origin=origin, sequence=d.get(8, 0), start=start, end=end)

def equivocation(s):  # the proof that these slots of an EQUIVOCATION_EVIDENCE are
    heads, proof = [], s.get(4, b"")
    for note, data in ((s[1], s[0]), (s[2], s.get(5, s[0]))):
        d, outer = descriptor(data), dict(wire(data))
        need(data == b"".join(bytes([8 * i + 2]) + varint(len(outer[i])) + outer[i] for i in (1, 2)))
        text, signatures = parse_note(note.encode())
        key, head = Key(d.origin, 1, d.key, H(d.origin.encode(), b"\n\1", d.key)[:4]), parse_checkpoint(text)
        need(len(signatures) == 1 and key in signers(text, signatures, [key]) and head.origin == d.origin)
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
LEGAL = {"ascending": ascending, "len": len, "text": lambda text: is_form("text", text),
         "line": lambda text: is_form("line", text)}

def read_slots(event, packed):  # {slot: value}; the slots must be the event's
    out = {}
    for i, (kind, raw) in packed.items():
        name, _, last = SLOTS[event][i]
        wanted, least, most, holds = TYPES[name]
        out[i] = READ.get(name, bytes)(raw)
        need(kind == wanted and least <= len(raw) <= most)
        need(eval(holds, {"__builtins__": {}, "all": all, "map": map, **LEGAL}, {"v": out[i], "last": last, "size": len(raw)}))
    need(all(i in packed for i, slot in SLOTS[event].items() if slot[1]))
    return out

def slot_list(data, first):  # a class's packed slots
    out = {}
    while data:
        slot, kind, size = struct.unpack(">BHI", data[:7])
        need(max(out, default=first - 1) < slot < first + 16 and len(data) >= 7 + size <= 7 + (1 << 18) and kind != 0xFFFF)
        out[slot], data = (kind, data[7:7 + size]), data[7 + size:]
    return out

def opening(data):  # (index, (key of class A or None, its values or its root), the same of class P)
    fields, out = list(wire(data)), []
    f = dict(fields)
    need([n for n, _ in fields] == sorted(f) and max(f, default=1) <= 7 and all(f.values()))
    need(data == b"".join(varint(n << 3) + varint(v) if n == 1 else varint(n << 3 | 2) + varint(len(v)) + v for n, v in fields))
    for at, first in ((2, 0), (5, 16)):
        key, slots, root = (f.get(at + i, b"") for i in range(3))
        need(len(key) == 32 and not root or not key and not slots and len(root) == 32)
        out.append((key, slot_list(slots, first)) if key else (None, root))
    return f.get(1, 0), *out

def parse_leaf(index, leaf):  # a record; once it is opened it has the values of its slots
    fields = struct.unpack(">4sHHQ32sQ32s32sQ", leaf)
    r = SimpleNamespace(**dict(zip("magic code flags time chain sequence previous body before".split(), fields)), s=None)
    need(r.magic == b"TOC1" and r.flags <= 7)
    need((r.previous == bytes(32)) == (r.before == 2**64 - 1) == (r.sequence == 0))
    r.index, r.event, r.own, r.hash = index, EVENTS.get(r.code), r.code >> 8 == 5, H(b"\0", leaf)
    return r

def open_record(record, a, p):  # fills in what the openings of its classes show; the findings' codes
    rows = [commitments(first, key, shown) if key else None for first, (key, shown) in ((0, a), (16, p))]
    if H(b"\1", *(tree(row) if row else shown for row, (_, shown) in zip(rows, (a, p)))) != record.body:
        return ["V8.commitment"]
    if rows[0]:
        record.s, record.commitments = attempt(read_slots, record.event, {**a[1], **(p[1] if rows[1] else {})}), rows[0]
    flags = ["V8.flags"] if rows[1] and bool(p[1]) != bool(record.flags & 1) else []
    return flags + (["V8.schema"] if rows[0] and record.s is None else [])

# --- archive, manifest, scope, index proofs
def read_tar(data):  # {name: content}; the archive must be what its writer would have made of them
    files, at = {}, 0
    while data[at:at + 1] not in (b"\0", b""):
        name, size = data[at:at + 100].rstrip(b"\0").decode("ascii"), int(data[at + 124:at + 135], 8)
        header = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
        header += b" " * 8 + b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
        need(data[at:at + 512] == header[:148] + b"%06o\0 " % sum(header) + header[156:] and len(name) < 100)
        need(is_form("file name", name) and name > max(files, default=""))
        files[name], end = data[at + 512:at + 512 + size], at + 512 - (-size // 512) * 512
        need(len(files[name]) == size and data[at + 512 + size:end] == bytes(end - at - 512 - size))
        at = end
    need(data[at:] == bytes(1024))
    return files

def tile_path(level, i, size):  # of the i-th tile of a level, "" when a tree of this size does not have it
    count = size if level == "entries" else size >> 8 * level
    width, digits, rest = min(256, count - 256 * i), "%03d" % (i % 1000), i // 1000
    while rest:
        digits, rest = "x%03d/" % (rest % 1000) + digits, rest // 1000
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < 256 else "") if width > 0 else ""

def parse_manifest(data):  # (the note, its origin, {name: digest})
    note = parse_note(data, 1 << 26)
    origin, lines = form("manifest", note[0])
    listed = {line[66:]: line[:64] for line in lines.split("\n")[:-1]}
    need(key_name(origin) and ascending([line[66:] for line in lines.split("\n")[:-1]]))
    need(not {"manifest", "manifest.sig"} & listed.keys())
    return note, origin, listed

def strings(*parts): return b"".join(struct.pack(">I", len(part)) + part for part in parts)  # as SSH writes them

def sshsig(data, message):  # the key whose armored signature over the message this is
    blob, terms = unbase64(form("SSH signature", data)[0].replace("\n", "")), strings(b"tocsin-bundle", b"", b"sha256")
    key, signature = blob[33:65], blob[-64:]
    need(blob == b"SSHSIG\0\0\0\1" + strings(strings(b"ssh-ed25519", key)) + terms + strings(strings(b"ssh-ed25519", signature)))
    need(ed25519(key, b"SSHSIG" + terms + strings(H(message)), signature))
    return key

def parse_scope(data, size):
    start, end, evidence, chains, events = form("scope", data)
    if not evidence:
        need(number(start) < number(end) <= size)
        return Scope("range", int(start), int(end), [], [])
    chains = [bytes.fromhex(line[6:]) for line in chains.split("\n")[:-1]]
    events = [(int(line[6:10], 16), *map(number, line[11:].split())) for line in events.split("\n")[:-1]]
    need((chains or events) and (evidence == "tiles" or not events) and len(chains) <= 65536 and len(events) <= 64)
    need(ascending(chains) and ascending(events) and all(since < until for _, since, until in events))
    return Scope(evidence, 0, 0, chains, events)

def index_proof(data, chain, root, count):  # the chain's entry (sequence, index, hash), or () when it is absent
    says, lines = form("index", data)
    places = [(number(at), unbase64(entry), base64_lines(proof))
              for at, entry, proof in re.findall("entry (.*) (.*)\n((?:[^ ]*\n)*)", lines)]
    need(all(len(entry) == 80 and included(H(b"\0", entry), at, count, proof) == root for at, entry, proof in places))
    at, ids = [place[0] for place in places], [place[1][:32] for place in places]
    if says == "present":
        need(ids == [chain])
        return struct.unpack(">QQ32s", places[0][1][32:])
    below, ends = [id_ < chain for id_ in ids], [([0], [False]), ([count - 1], [True]), ([*at[:1], at[0] + 1], [True, False])] if at else []
    need(chain not in ids and ((at, below) in ends if at else count == 0))
    return ()
