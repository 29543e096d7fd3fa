#!/usr/bin/env python3
"""Writes process.json: ids, digests and an attestation (SPEC §2-§4), from hashlib, the ChaCha20 of
make_ledger_vectors.py and the Ed25519 of the `cryptography` package: no code of the tree is used.

Run it in this folder; the result is committed, so that another implementation can check itself against it.
"""
import base64
import hashlib
import json
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from make_ledger_vectors import chacha20_keystream, commitment, sha256


def blake2b(data, key=b""):
    return hashlib.blake2b(data, digest_size=32, key=key).digest()


def text(value):
    return value.encode()


def u(width, value):
    return value.to_bytes(width, "big")


seed = bytes(range(100, 132))
signer = Ed25519PrivateKey.from_private_bytes(seed)
public = signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
fingerprint = sha256(public)
key_id = sha256(b"tocsin1/key-id\0" + public)[:8]
chain_key = bytes(range(32))
indicator = b"\x01" + sha256(b"content")
signal = blake2b(b"tocsin1/signal\0" + fingerprint + indicator)
chain = blake2b(signal, chain_key)
batch = bytes(range(16))

labels = b"".join(u(1, len(v)) + v for v in sorted([b"terror", b"gore", "é".encode()]))
recipients = sorted([sha256(b"two"), sha256(b"one"), sha256(b"three")])

UINT, TIME, TEXT, ENUM, KEYID = 1, 2, 3, 8, 12
reviewed_at = 1700000000000
slots = [(0, ENUM, u(2, 1)), (1, TEXT, text("4.2")), (2, TEXT, text("2026-01")), (3, ENUM, u(2, 1)),
         (4, TEXT, text("Art. 5")), (5, TEXT, text("Art. 6(1)(f)")), (6, UINT, u(8, 31)),
         (7, TEXT, text("least intrusive")), (8, KEYID, key_id), (9, ENUM, u(2, 1)), (10, TEXT, text("en")),
         (11, TIME, u(8, reviewed_at)), (12, TIME, u(8, reviewed_at + 86400000))]
key_a = bytes(range(200, 232))
stream = chacha20_keystream(key_a, 512)
filled = {slot: (kind, value) for slot, kind, value in slots}
row = [commitment(s, *((filled[s][0], stream[32 * s:32 * s + 32], filled[s][1]) if s in filled
                       else (0xFFFF, stream[32 * s:32 * s + 32], b""))) for s in range(15)]
digest = sha256(b"".join(row))
statement = fingerprint + u(2, 0x0102) + chain + u(8, reviewed_at) + digest
attestation = key_id + signer.sign(b"tocsin1/attestation\0" + statement)
packed = b"".join(struct.pack(">BHI", s, k, len(v)) + v for s, k, v in slots)

vectors = {
    "what": "ids, digests and an attestation of SPEC §2-§4; bytes are hex",
    "key": {"seed": seed.hex(), "public": public.hex(), "key_id": key_id.hex(), "fingerprint": fingerprint.hex(),
            "printed": "SHA256:" + base64.b64encode(fingerprint).decode().rstrip("=")},
    "signal": {"indicator": indicator.hex(), "id": signal.hex(),
               "printed": "sig_" + base64.b32encode(signal).decode().lower().rstrip("=")},
    "chains": {"chain_key": chain_key.hex(), "of_signal": chain.hex(), "batch": batch.hex(),
               "of_batch": blake2b(b"batch" + batch, chain_key).hex(), "of_node": blake2b(b"node", chain_key).hex()},
    "labels": {"value": labels.hex(), "hash": sha256(b"tocsin1/labels\0" + labels).hex()},
    "recipients": {"nodes": [r.hex() for r in recipients],
                   "digest": sha256(b"tocsin1/recipients\0" + b"".join(recipients)).hex()},
    "attestation": {"event": 0x0102, "key_a": key_a.hex(), "slots": packed.hex(), "digest": digest.hex(),
                    "value": attestation.hex()},
}
with open("process.json", "w") as out:
    json.dump(vectors, out, indent=1, ensure_ascii=False)
    out.write("\n")
