"""What Python's standard library lacks: Ed25519, a record's salted commitments (ChaCha20), and RFC 6962 trees."""
import hashlib
import struct

# --- Ed25519 (RFC 8032), without the cofactor
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT, NEUTRAL = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P), (0, 1, 1, 0)

def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * D * a[3] * b[3] % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P

def multiply(*pairs):  # the sum of n * point, encoded
    table, out = [NEUTRAL], NEUTRAL
    for _, point in pairs:
        table += [add(entry, point) for entry in table]
    for bit in range(252, -1, -1):
        out, chosen = add(out, out), sum((n >> bit & 1) << i for i, (n, _) in enumerate(pairs))
        out = add(out, table[chosen]) if chosen else out
    inverse = pow(out[2], P - 2, P)
    return (out[1] * inverse % P | (out[0] * inverse % P & 1) << 255).to_bytes(32, "little")

def decode(data):
    y, sign = int.from_bytes(data, "little") & 2**255 - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    if y >= P or x * x % P != square or (x == 0 and sign):
        return None
    return (x, y, 1, x * y % P) if x & 1 == sign else (P - x, y, 1, (P - x) * y % P)

def memo(function):
    known = {}
    return lambda *key: known[key] if key in known else known.setdefault(key, function(*key))

BASE, ONE = decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")), multiply((1, NEUTRAL))

@memo
def public_key(data):  # the point, when it is of the prime-order group and not neutral
    point = decode(data) if len(data) == 32 else None
    return point if point and multiply((1, point)) != ONE and multiply((L, point)) == ONE else None

@memo
def ed25519(key, message, signature):
    point, s = public_key(key), int.from_bytes(signature[32:], "little")
    r = decode(signature[:32]) if len(signature) == 64 else None
    if point is None or r is None or s >= L or multiply((8, r)) == ONE:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return multiply((s, BASE), (L - k, point)) == signature[:32]

# --- hashes, salts, trees
def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

WORDS, ONES = (sum(word << 64 * i for i in range(8)) for word in (0xFFFFFFFF, 1))

def commitments(first, key, values):  # of a class's sixteen slots; eight ChaCha20 blocks at once, a word in 64 bits
    start = [n * ONES for n in struct.unpack("<16I", b"expand 32-byte k" + key + bytes(16))]
    start[12] = sum(first // 2 + i << 64 * i for i in range(8))
    x = start[:]
    for turn in range(80):
        i, diagonal = turn % 4, turn % 8 // 4
        a, b, c, d = i, 4 + (i + diagonal) % 4, 8 + (i + 2 * diagonal) % 4, 12 + (i + 3 * diagonal) % 4
        for t, u, v, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[t] = x[t] + x[u] & WORDS
            spread = (x[v] ^ x[t]) << bits
            x[v] = (spread | spread >> 32) & WORDS
    rows = [(n + m & WORDS).to_bytes(64, "little") for n, m in zip(x, start)]
    stream = b"".join(row[8 * i:8 * i + 4] for i in range(8) for row in rows)
    slots = [(i, *values.get(first + i, (0xFFFF, b""))) for i in range(16)]
    return [H(b"TOCF", struct.pack(">HHI", first + i, kind, len(v)), stream[32 * i:32 * i + 32], v) for i, kind, v in slots]

def tree(row):  # the RFC 6962 root over hashes
    while len(row) > 1:
        row = [H(b"\1", *row[i:i + 2]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0] if row else H()

def included(hash_, index, size, proof):  # the root that RFC 9162's inclusion proof gives, or None
    fn, sn = index, size - 1
    for sibling in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            hash_ = H(b"\1", sibling, hash_)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            hash_ = H(b"\1", hash_, sibling)
        fn, sn = fn >> 1, sn >> 1
    return hash_ if sn == 0 and index < size else None

def consistent(old, new, old_root, proof):  # the root of `new` leaves that RFC 9162's consistency proof gives, or None
    if old == new or old == 0:
        return None if proof or old == 0 else old_root
    proof = [old_root, *proof] if old & old - 1 == 0 else proof
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not proof:
        return None
    fr = sr = proof[0]
    for hash_ in proof[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = H(b"\1", hash_, fr), H(b"\1", hash_, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = H(b"\1", sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sr if sn == 0 and fr == old_root else None
