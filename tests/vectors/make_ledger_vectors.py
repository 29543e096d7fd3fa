#!/usr/bin/env python3
"""Writes leaf.json and slots.json, from hashlib and a ChaCha20 written out below: no code of the tree is used.

Run it in this folder; the result is committed, so that another implementation can check itself against it.
"""
import hashlib
import json
import struct


def sha256(data):
    return hashlib.sha256(data).digest()


def chacha20_keystream(key, length):
    """RFC 8439 §2.3 with a zero nonce and a counter that starts at zero."""
    def rotate(value, bits):
        return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF

    def quarter(s, a, b, c, d):
        for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rotate(s[z] ^ s[x], bits)

    out = b""
    counter = 0
    while len(out) < length:
        start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + (counter, 0, 0, 0))
        state = list(start)
        for _ in range(10):
            for i in range(4):
                quarter(state, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, state)))
        counter += 1
    return out[:length]


assert chacha20_keystream(bytes(32), 8).hex() == "76b8e0ada0f13d90"  # RFC 8439 A.1, vector 1


def node(left, right):
    return sha256(b"\x01" + left + right)


def commitment(slot, kind, salt, value):
    return sha256(b"TOCF" + struct.pack(">HHI", slot, kind, len(value)) + salt + value)


def climb(row):
    rows = [row]
    while len(row) > 1:
        row = [node(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        rows.append(row)
    return rows


def slot_case(name, key_a, key_p, values, opened):
    stream = {0: chacha20_keystream(key_a, 1024), 1: chacha20_keystream(key_p, 1024)}
    filled = {slot: (kind, value) for slot, kind, value in values}
    salts = [stream[slot // 16][32 * slot:32 * slot + 32] for slot in range(32)]
    rows = climb([commitment(s, *((filled[s][0], salts[s], filled[s][1]) if s in filled else (0xFFFF, salts[s], b"")))
                  for s in range(32)])
    openings = []
    for slot in opened:
        kind, value = filled.get(slot, (0xFFFF, b""))
        openings.append({"slot": slot, "type": kind, "value": value.hex(), "salt": salts[slot].hex(),
                         "siblings": [rows[level][slot >> level ^ 1].hex() for level in range(5)]})
    return {"name": name, "key_a": key_a.hex(), "key_p": key_p.hex(),
            "values": [{"slot": s, "type": k, "value": v.hex()} for s, k, v in values],
            "commitments": [c.hex() for c in rows[0]],
            "class_a_root": rows[4][0].hex(), "class_p_root": rows[4][1].hex(), "body_root": rows[5][0].hex(),
            "openings": openings}


def leaf_case(name, event, flags, time_ms, chain, seq, previous, body, previous_index):
    data = b"TOC1" + struct.pack(">HHQ", event, flags, time_ms) + chain + struct.pack(">Q", seq)
    data += previous + body + struct.pack(">Q", previous_index)
    assert len(data) == 128
    return {"name": name, "event": event, "flags": flags, "time_ms": str(time_ms), "chain": chain.hex(),
            "chain_seq": str(seq), "previous": previous.hex(), "body_root": body.hex(),
            "previous_index": str(previous_index), "bytes": data.hex(), "leaf_hash": sha256(b"\x00" + data).hex()}


key_a, key_p = bytes(range(32)), bytes(range(32, 64))
first = leaf_case("first record of a chain", 1, 1, 1767225600000, sha256(b"chain"), 0, bytes(32), sha256(b"body"),
                  2**64 - 1)
leaves = [
    first,
    leaf_case("second record, emergency and test flags", 3, 7, 1767225660123, sha256(b"chain"), 1,
              bytes.fromhex(first["leaf_hash"]), sha256(b"body 2"), 0),
    leaf_case("largest numbers", 0xFFFF, 0, 2**64 - 1, b"\xff" * 32, 2**64 - 1, b"\xff" * 32, b"\xff" * 32, 2**64 - 2),
]
slots = [
    slot_case("nothing filled", key_a, key_p, [], [0, 31]),
    slot_case("one slot of each class", key_a, key_p, [(0, 1, b"sha256"), (16, 2, b"case 7")], [0, 1, 16, 17]),
    slot_case("edges of both classes", sha256(b"K_A"), sha256(b"K_P"),
              [(0, 0, b""), (1, 1, b"\x00"), (15, 0xFFFE, bytes(range(256))), (16, 7, "Größe".encode()),
               (30, 8, b"x" * 1000), (31, 9, b"\xff" * 21)], [0, 15, 16, 30, 31]),
    slot_case("every slot filled, lengths about a hash block", key_a, key_p,
              [(s, 100 + s, bytes([s]) * (s * 3)) for s in range(32)], [5, 6, 7, 26, 27]),
]
for path, what, cases in (("leaf.json", "the 128-byte leaf; 64-bit numbers are decimal strings, bytes are hex", leaves),
                          ("slots.json", "slot commitments, class roots, body root, single-slot openings; hex", slots)):
    with open(path, "w") as out:
        json.dump({"what": what, "cases": cases}, out, indent=1)
        out.write("\n")
