"""What Python's standard library lacks: Ed25519, a record's salted commitments (ChaCha20), and RFC 6962 trees."""
import functools, hashlib, struct

def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def need(condition):
    if not condition: raise ValueError("not in its one form")

# Ed25519 (RFC 8032), without the cofactor
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT, NEUTRAL = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P), (0, 1, 1, 0)
def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * D * a[3] * b[3] % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P
def multiply(n, point, out=NEUTRAL):
    for bit in bin(n)[2:]: out = add(add(out, out), point if bit == "1" else NEUTRAL)
    return out
def encode(point):
    x, y = (point[i] * pow(point[2], -1, P) % P for i in (0, 1))
    return (y | (x & 1) << 255).to_bytes(32, "little")
def decode(data):
    y, sign = int.from_bytes(data, "little") & 2**255 - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * ROOT % P
    x = x if x & 1 == sign else P - x
    return (x, y, 1, x * y % P) if y < P and x * x % P == square and x < P else None
BASE, ONE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little")), encode(NEUTRAL)
@functools.lru_cache(None)
def public_key(data):  # the point, when it is of the prime-order group and not neutral
    point = decode(data) if len(data) == 32 and data != ONE else None
    return point if point and encode(multiply(L, point)) == ONE else None
@functools.lru_cache(None)
def ed25519(key, message, signature):  # where the equation holds, R is of small order only as ONE
    point, r, s = public_key(key), signature[:32], int.from_bytes(signature[32:], "little")
    if point is None or len(signature) != 64 or s >= L or r == ONE: return False
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    return encode(add(multiply(s, BASE), multiply(L - k, point))) == r

# Commitments, and trees
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
    return [H(b"TOCF", struct.pack(">HHI", first + i, kind, len(v)), stream[32 * i:][:32], v) for i, kind, v in slots]
def tree(row):  # the RFC 6962 root over hashes
    while len(row) > 1:
        row = [H(b"\1", *row[i:i + 2]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0] if row else H()
def half_of(size): return 1 << (size - 1).bit_length() - 1  # the largest power of two below it
def included(leaf, index, size, proof):  # the root that an inclusion proof gives
    need(0 <= index < size and (size == 1) == (not proof))
    if size == 1: return leaf
    half, side = half_of(size), proof[-1]
    if index < half: return H(b"\1", included(leaf, index, half, proof[:-1]), side)
    return H(b"\1", side, included(leaf, index - half, size - half, proof[:-1]))
def consistent(old, new, root, proof, whole=True):  # both sizes' roots that a consistency proof gives; 0 < old
    need(old < new or old == new and len(proof) == (not whole))
    if old == new: return (root, root) if whole else (proof[0], proof[0])
    half, side = half_of(new), proof[-1]
    first, second = consistent(old, half, root, proof[:-1], whole) if old <= half else \
        consistent(old - half, new - half, root, proof[:-1], False)
    return (first, H(b"\1", second, side)) if old <= half else (H(b"\1", side, first), H(b"\1", side, second))
