"""The formats of a bundle, each strict: C2SP notes, keys, policies, checkpoints and proofs; the archive, slots, openings, descriptors.

Every reader raises ValueError (or what attempt() catches) for bytes that are not in their one form."""
import base64
import os
import re
import struct
from collections import namedtuple
from types import SimpleNamespace

from primitives import H, commitments, ed25519, included, public_key, tree

def need(condition):
    if not condition:
        raise ValueError("not in its one form")

def attempt(function, *arguments):  # nothing when the bytes are not in their one form
    try:
        return function(*arguments)
    except (ValueError, struct.error, IndexError, KeyError, StopIteration, RecursionError):
        return None

def unbase64(text):
    out = base64.b64decode(text, validate=True)
    need(base64.b64encode(out).decode() == text)
    return out

def number(text):
    need(re.fullmatch("0|[1-9][0-9]{0,19}", text) and int(text) < 2**64)
    return int(text)

def key_name(text):
    return 0 < len(text.encode()) <= 255 and not re.search(r"[\x00-\x1f+\s]", text)

Key = namedtuple("Key", "name kind key id")
Checkpoint = namedtuple("Checkpoint", "origin size root")

def parse_note(data, limit=1 << 17):  # the text and its (name, id, signature)s
    text, out = data.decode(), []
    need(len(data) <= limit and not re.search(r"[\x00-\x09\x0b-\x1f]", text) and text[-1] == "\n")
    split = text.rindex("\n\n")
    for line in text[split + 2:-1].split("\n"):
        dash, name, value = line.split(" ", 2)
        out.append((name, unbase64(value)[:4], unbase64(value)[4:]))
        need(dash == "\u2014" and key_name(name) and out[-1][2] and len(out) <= 16)
    return text[:split + 1], out

def parse_vkey(text):
    name, id_, material = text.split("+", 2)
    raw = unbase64(material)
    need(key_name(name) and len(raw) == 33 and raw[0] in (1, 4) and public_key(raw[1:]))
    need(H(name.encode(), b"\n", raw)[:4].hex() == id_)
    return Key(name, raw[0], raw[1:], bytes.fromhex(id_))

def parse_policy(text):  # the logs' keys, and what each name stands for: a witness's key, or (k, names)
    need(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text) and text[-1:] in "\n" and len(text) <= 1 << 18)
    logs, names, grouped, quorum = [], {}, [], []
    for words in (re.findall(r"[^ \t]+", line) for line in text.split("\n")):
        kind, count = (words[0] if words and words[0][0] != "#" else ""), len(words)
        if kind == "log":
            logs.append(parse_vkey(words[1]))
            need(count <= 3 and logs[-1].kind == 1)
        elif kind == "quorum":
            need(count == 2 and not quorum and words[1] in [*names, "none"])
            quorum.append(words[1])
        elif kind:
            need(kind in ("witness", "group") and words[1] not in [*names, "none"] and count > 3 - (kind == "witness"))
            if kind == "witness":
                entry = parse_vkey(words[2])
                need(count <= 4 and entry.kind == 4)
            else:
                need(all(member in names for member in words[3:]))
                grouped += words[3:]
                entry = ({"all": count - 3, "any": 1}.get(words[2]) or number(words[2]), words[3:])
                need(1 <= entry[0] <= count - 3 and len(set(grouped)) == len(grouped))
            names[words[1]] = entry
    witnesses = [key for key in names.values() if isinstance(key, Key)]
    need(quorum and max(len(logs), len(names)) <= 256)
    need(all(len({key.key for key in keys}) == len(keys) for keys in (logs, witnesses)))
    return SimpleNamespace(logs=logs, names=names, quorum=quorum[0], keys=logs + witnesses)

def quorum_met(policy, name, cosigned):
    entry = policy.names.get(name, (0, []))
    return entry in cosigned if isinstance(entry, Key) else sum(quorum_met(policy, m, cosigned) for m in entry[1]) >= entry[0]

def parse_checkpoint(text):
    origin, size, root, end = text.split("\n")
    out = Checkpoint(origin, number(size), unbase64(root))
    need(not end and key_name(origin) and len(out.root) == 32 and (out.size or out.root == H()))
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

# --- protobuf, descriptors, slots
def wire(data, at=0):  # (field, value) in order
    while at < len(data):
        tag, at = unvarint(data, at)
        need(tag >> 3 and tag & 7 in (0, 1, 2, 5))
        value, at = unvarint(data, at) if tag & 7 in (0, 2) else ((8, 4)[tag & 7 == 5], at)
        if tag & 7:
            need(value <= len(data) - at)
            value, at = data[at:at + value], at + value
        yield tag >> 3, value

def unvarint(data, at):
    end = next(i for i in range(at, at + 10) if data[i] < 128) + 1
    return sum((data[i] & 127) << 7 * (i - at) for i in range(at, end)) & 2**64 - 1, end

def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)

def descriptor(data):
    outer = dict(wire(data))
    body, d = outer[1], dict(wire(outer[1]))
    name, address, origin = d[1].decode(), d[2].decode(), d[7].decode()
    label = "(?!-)[a-z0-9-]{1,63}(?<!-)"
    need(len(body) <= 4096 and re.fullmatch(rf"({label}\.)*(?![0-9]+$){label}", name) and len(name) <= 253 and key_name(origin))
    need(re.fullmatch(r"[^:].*:[1-9][0-9]{0,4}", address) and int(address.rsplit(":", 1)[1]) < 65536)
    need(all(len(d[i]) == 32 for i in (3, 4, 5, 6)) and public_key(d[3]) and public_key(d[4]) and d.get(9, 0) < d[10])
    need(ed25519(d[3], b"tocsin1/descriptor\0" + body, outer[2]))
    return SimpleNamespace(root=H(d[3]), key=d[4], origin=origin, sequence=d.get(8, 0), dates=(d.get(9, 0), d[10]))

def u64(value):
    return int.from_bytes(value, "big")

def plain(value, lines=False):
    return not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]" if lines else r"[\x00-\x1f\x7f-\x9f]", value.decode())

def hashes(value):
    return [value[i:i + 32] for i in range(0, len(value), 32)]

def labels(value, out=()):
    need(not value or 0 < value[0] < len(value))
    return labels(value[1 + value[0]:], (*out, value[1:1 + value[0]])) if value else out

def ascending(items, most):
    return 1 <= len(items) <= most and all(a < b for a, b in zip(items, items[1:]))

TYPES = {  # name: (number, legal?)
    "UINT": (1, lambda v, last: len(v) == 8), "TIME": (2, lambda v, last: len(v) == 8 and u64(v) <= 253402300799999),
    "TEXT": (3, lambda v, last: 1 <= len(v) <= 4096 and plain(v, True)), "BYTES": (4, lambda v, last: len(v) <= 4096),
    "HASH": (5, lambda v, last: len(v) == 32), "KEY": (10, lambda v, last: len(v) == 32),
    "HASHES": (6, lambda v, last: len(v) % 32 == 0 and ascending(hashes(v), 2048)), "KEYID": (12, lambda v, last: len(v) == 8),
    "INDICATOR": (7, lambda v, last: 2 <= len(v) <= 4097 and v[0] > 0), "ATTESTATION": (9, lambda v, last: len(v) == 72),
    "ENUM": (8, lambda v, last: len(v) == 2 and 1 <= u64(v) <= last), "SIGNED": (13, lambda v, last: 1 <= len(v) <= 8192),
    "LABELS": (11, lambda v, last: ascending(labels(v), 32) and all(map(plain, labels(v))))}

def spec_events():  # {event: {slot: (type, mandatory, last ENUM value)}} from SPEC.md, section 4
    out = {}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../protocol/SPEC.md"), encoding="utf-8") as spec:
        rows = re.findall(r"^\| ((?:0[0-9A-F]{3} [A-Z_]+(?:, )?)+) \| (.*) \|$", spec.read(), re.M)
    for codes, row in rows:
        slots = {i: slot for i, slot in out[0x0102].items() if i not in (13, 14)} if "as REVIEWED" in row else {}
        for slot, star, kind, rest in re.findall(r"(\d+)(★?) ([A-Z]+)\b([^·]*)", row):
            if kind in TYPES:
                slots[int(slot)] = (kind, star == "★", max(map(int, re.findall(r"[(,…] ?(\d+) ", rest)), default=0))
        out.update({int(code, 16): slots for code in re.findall(r"0[0-9A-F]{3}", codes)})
    return out

EVENTS = spec_events()

def fits_event(event, values):
    for i, (kind, value) in values.items():
        wanted, legal = TYPES[EVENTS[event][i][0]]
        need(kind == wanted and legal(value, EVENTS[event][i][2]))
    need(all(i in values for i, slot in EVENTS[event].items() if slot[1]))
    human = event == 0x0206 and u64(values[3][1]) == 1
    need(not human or 15 in values)
    return event != 0x0206 or 15 not in values or 8 in values

def slot_list(data, first):  # a class's packed slots
    out = {}
    while data:
        slot, kind, size = struct.unpack(">BHI", data[:7])
        need(max(out, default=first - 1) < slot < first + 16 and len(data) >= 7 + size and size <= 1 << 18 and kind != 0xFFFF)
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

# --- archive, manifest, scope, proofs
def read_tar(data):  # {name: content}; the archive must be what its writer would have made of them
    files, at = {}, 0
    while data[at:at + 1] not in (b"\0", b""):
        name, size = data[at:at + 100].rstrip(b"\0").decode("ascii"), int(data[at + 124:at + 135], 8)
        header = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
        header += b" " * 8 + b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
        need(data[at:at + 512] == header[:148] + b"%06o\0 " % sum(header) + header[156:] and len(name) < 100)
        need(re.fullmatch(r"[\w.-]+(/[\w.-]+)*", name) and not {".", ".."} & set(name.split("/")) and name > max(files, default=""))
        files[name], end = data[at + 512:at + 512 + size], at + 512 - (-size // 512) * 512
        need(len(files[name]) == size and data[at + 512 + size:end] == bytes(end - at - 512 - size))
        at = end
    need(data[at:] == bytes(1024))
    return files

class Record(SimpleNamespace):
    """A leaf that parses, and once it is opened the values of its slots."""
    values, commitments, failed = None, None, False

    def v(self, slot):
        return self.values[slot][1]

    def n(self, slot):
        return u64(self.values[slot][1])

def parse_leaf(index, leaf):
    magic, event, flags, time, chain, sequence, previous, body, before = struct.unpack(">4sHHQ32sQ32s32sQ", leaf)
    need(magic == b"TOC1" and flags <= 7 and (previous == bytes(32)) == (before == 2**64 - 1) == (sequence == 0))
    return Record(index=index, event=event, flags=flags, time=time, chain=chain, sequence=sequence, previous=previous, before=before,
                  body=body, hash=H(b"\0", leaf))

def open_record(record, a, p):  # fills in what the openings of its classes show; the finding's code, or None
    rows = [commitments(first, key, shown) if key else None for first, (key, shown) in ((0, a), (16, p))]
    if H(b"\1", *(tree(row) if row else shown for row, (_, shown) in zip(rows, (a, p)))) != record.body:
        return "V8.commitment"
    if rows[1] and bool(p[1]) != bool(record.flags & 1):
        return "V8.flags"
    if rows[0]:
        values = {**a[1], **(p[1] if rows[1] else {})}
        if not attempt(fits_event, record.event, values):
            return "V8.schema"
        record.values, record.commitments = values, rows[0]
    return None

def tile_names(size):  # (level, first, width, name) of every tile of a tree
    level = 0
    while size >> 8 * level:
        count = size >> 8 * level
        for i in range(-(-count // 256)):
            width, digits = min(256, count - 256 * i), "%03d" % (i % 1000)
            rest = i // 1000
            while rest:
                digits, rest = "x%03d/" % (rest % 1000) + digits, rest // 1000
            yield level, 256 * i, width, digits + (".p/%d" % width if width < 256 else "")
        level += 1

def base64_lines(data):  # of hashes
    text = data.decode()
    out = [unbase64(line) for line in text.split("\n")[:-1]]
    need((not text or text[-1] == "\n") and all(len(line) == 32 for line in out))
    return out

def parse_manifest(data):  # (the note, its origin, {name: digest})
    text, signatures = parse_note(data, 1 << 26)
    origin, *lines = text.split("\n")[:-1]
    need(key_name(origin) and all(re.fullmatch(r"[0-9a-f]{64}  [\w./-]+", line) for line in lines))
    need(all(a[66:] < b[66:] for a, b in zip(lines, lines[1:])) and not {"manifest", "manifest.sig"} & {line[66:] for line in lines})
    return (text, signatures), origin, {line[66:]: line[:64] for line in lines}

def ssh_string(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)

def sshsig(data, message):  # the key whose armored signature over the message this is
    lines = data.decode().split("\n")
    need(lines[0] == "-----BEGIN SSH SIGNATURE-----" and lines[-2:] == ["-----END SSH SIGNATURE-----", ""])
    blob = unbase64("".join(lines[1:-2]))
    need(len(blob) > 96 and [len(line) for line in lines[1:-3]] == [70] * (len(lines) - 4) and 1 <= len(lines[-3]) <= 70)
    key, terms = blob[33:65], ssh_string(b"tocsin-bundle", b"", b"sha256")
    need(blob == b"SSHSIG\0\0\0\1" + ssh_string(ssh_string(b"ssh-ed25519", key)) + terms + ssh_string(ssh_string(b"ssh-ed25519", blob[-64:])))
    need(ed25519(key, b"SSHSIG" + terms + ssh_string(H(message)), blob[-64:]))
    return key

Scope = namedtuple("Scope", "evidence start end chains events")
WHOLE = Scope("tiles", 0, 0, (), ())

def parse_scope(data, size):
    lines = data.decode().split("\n")
    need(lines[0] == "tocsin-scope/1" and lines[-1] == "" and len(lines) > 3)
    evidence = re.fullmatch("evidence (tiles|range|proofs)", lines[1])[1]
    start = end = 0
    if evidence == "range":
        need(len(lines) == 5 and lines[2][:5] == "from " and lines[3][:3] == "to ")
        start, end, rest = number(lines[2][5:]), number(lines[3][3:]), []
        need(start < end <= size)
    else:
        rest = lines[2:-1]
    chains = [bytes.fromhex(re.fullmatch("chain ([0-9a-f]{64})", line)[1]) for line in rest if line[:6] == "chain "]
    events = [re.fullmatch("event ([0-9a-f]{4}) ([0-9]+) ([0-9]+)", line) for line in rest[len(chains):]]
    events = [(int(m[1], 16), number(m[2]), number(m[3])) for m in events]
    need(all(a < b for list_ in (chains, events) for a, b in zip(list_, list_[1:])) and (evidence == "tiles" or not events))
    return Scope(evidence, start, end, tuple(chains), tuple(events))

def tlog_proof(data):  # (index, leaf, hashes, checkpoint)
    head, checkpoint = data.decode().split("\n\n", 1)
    first, extra, index, *lines = head.split("\n")
    need(first == "c2sp.org/tlog-proof@v1" and extra[:6] == "extra " and index[:6] == "index " and len(lines) <= 64)
    leaf, hashes_ = unbase64(extra[6:]), base64_lines("".join(line + "\n" for line in lines).encode())
    need(len(leaf) == 128)
    return number(index[6:]), leaf, hashes_, checkpoint.encode()

def index_proof(data, chain, root, count):  # the chain's entry (sequence, index, hash), or None when it is absent; else ValueError
    lines = data.decode().split("\n")
    need(lines[0] == "tocsin-index/1" and lines[1] in ("present", "absent") and lines[-1] == "")
    places = []
    for line in lines[2:-1]:
        if line[:6] == "entry ":
            position, entry = line[6:].split(" ")
            places.append((number(position), unbase64(entry), []))
        else:
            places[-1][2].append(unbase64(line))
    for position, entry, proof in places:
        need(len(entry) == 80 and all(len(hash_) == 32 for hash_ in proof) and included(H(b"\0", entry), position, count, proof) == root)
    at, ids = [place[0] for place in places], [place[1][:32] for place in places]
    if lines[1] == "present":
        need(ids == [chain])
        return struct.unpack(">QQ32s", places[0][1][32:])
    need(all(id_ != chain for id_ in ids) and sorted(ids) == ids)
    below = sum(id_ < chain for id_ in ids)
    need(count == 0 and not at or at == [0] and below == 0 or at == [count - 1] and below == 1 or len(at) == 2 and at[0] + 1 == at[1] and below == 1)
    return None
