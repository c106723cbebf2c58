"""Prints the worked example of ledger.md, from the page's text alone: hashlib, hmac and Ed25519, none of our code.

Run: pip install cryptography blake3 && python3 docs/design/ledger-example.py
"""
import base64, hashlib, hmac, json
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MEMBERS = ["id", "ts", "kind", "scope", "actor", "refs", "data", "meta", "sig"]
sha = lambda b: hashlib.sha256(b).digest()
b64 = lambda b: base64.b64encode(b).decode()
show = lambda name, value: print(f"{name} = {value.hex() if isinstance(value, bytes) else value}")


def canonical(event):
    # ASCII only and floats with a short decimal form: here sorted keys are RFC 8785.
    text = lambda v: json.dumps(v, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return ("{" + ",".join(f'"{m}":{text(event[m])}' for m in MEMBERS if m in event) + "}").encode()


def hkdf(master, info):  # RFC 5869 with SHA-256, no salt, one block of output
    return hmac.digest(hmac.digest(bytes(32), master, "sha256"), info + b"\x01", "sha256")


def keys(seed):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return private, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


origin = "assay.example/ledger/acme"
subject_key, subject = bytes(range(32)), "user-4711"
pseudonym = hmac.digest(subject_key, subject.encode(), "sha256").hex()
note_private, note_public = keys(bytes([1] * 32))
cosigner_private, cosigner_public = keys(bytes([2] * 32))
event_private, event_public = keys(bytes([3] * 32))

meta = lambda at: {"schema": 1, "service": "assay", "version": "0.1.0", "env": "production", "received_at": at}
service = {"type": "service", "id": "vision", "client_id": "vision", "token_fingerprint": "0123456789ab"}
job = "0193a000-0000-7000-8000-0000000000aa"
digest = lambda name: sha(name.encode()).hex()
events = [
    {"id": "0193a000-0001-7000-8000-000000000001", "ts": "2026-11-21T09:00:00.000Z", "kind": "upload.received",
     "scope": {"tenant": "acme"}, "actor": service, "refs": {"job_id": job, "request_id": "req.1"},
     "data": {"model_sha256": digest("model"), "model_bytes": 572218, "model_name_sha256": digest("name"),
              "ref_images_count": 32, "ref_images_bytes": 40960},
     "meta": meta("2026-11-21T09:00:00.001Z")},
    {"id": "0193a000-0002-7000-8000-000000000002", "ts": "2026-11-21T09:00:00.000Z", "kind": "job.created",
     "scope": {"tenant": "acme", "project": "line-2"}, "actor": service,
     "refs": {"job_id": job, "resource": {"type": "job", "id": job}},
     "data": {"platform": "720", "priority": "normal", "user_id": pseudonym, "model_sha256": digest("model"),
              "ref_images_count": 32},
     "meta": meta("2026-11-21T09:00:00.002Z")},
    {"id": "0193a000-0003-7000-8000-000000000003", "ts": "2026-11-21T09:00:09.125Z", "kind": "job.finished",
     "scope": {"tenant": "acme"}, "actor": {"type": "system", "id": "jobs"}, "refs": {"job_id": job},
     "data": {"duration_ms": 9123, "artifact_sha256": digest("artifact"), "artifact_bytes": 301234, "verdict": "review",
              "snr_db": 16.3, "cosine": 0.9884, "size_ratio": 1.9},
     "meta": meta("2026-11-21T09:00:09.130Z")},
]
event_digest = blake3(canonical(events[2])).digest()
kid = sha(event_public).hex()[:16]
events[2]["sig"] = {"kid": kid, "value": base64.urlsafe_b64encode(event_private.sign(event_digest)).decode().rstrip("=")}

show("origin", origin)
show("subject key", subject_key)
show("subject", subject)
show("pseudonym", pseudonym)
show("event key", event_public)
show("event digest of seq 2", event_digest)
chain = sha(origin.encode())
show("chain hash before seq 0", chain)
leaves = []
for seq, event in enumerate(events):
    raw = canonical(event)
    leaves.append(sha(b"\x00" + raw))
    chain = sha(b"\x02" + chain + leaves[-1])
    show(f"_id of seq {seq}", f"acme:{seq:016d}")
    show(f"bytes of seq {seq}", raw.decode())
    show(f"leaf hash of seq {seq}", leaves[-1])
    show(f"chain hash of seq {seq}", chain)
node = sha(b"\x01" + leaves[0] + leaves[1])
root = sha(b"\x01" + node + leaves[2])
show("node over seq 0 and 1", node)
show("root of size 3", root)

key_id = lambda name, kind, public: sha(name.encode() + b"\n" + bytes([kind]) + public)[:4]
vkey = lambda name, kind, public: f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"
text = f"{origin}\n3\n{b64(root)}\n"
time = 1795251600
cosigner = "witness.example/w1"
line = f"— {origin} {b64(key_id(origin, 1, note_public) + note_private.sign(text.encode()))}"
cosigned = f"cosignature/v1\ntime {time}\n{text}".encode()
second = f"— {cosigner} {b64(key_id(cosigner, 4, cosigner_public) + time.to_bytes(8, 'big') + cosigner_private.sign(cosigned))}"
show("verifier key", vkey(origin, 1, note_public))
show("cosigner's verifier key", vkey(cosigner, 4, cosigner_public))
show("cosignature time", time)
master = b"0123456789abcdef0123456789abcdef"
show("AUDIT_SIGNING_KEY", master.decode())
mac_id = sha(sha(b"assay mac ring\n" + master)).hex()[:16]
show("MAC key id", mac_id)
mac_key = hkdf(master, json.dumps(["assay", "checkpoint", "acme", mac_id], separators=(",", ":")).encode())
show("MAC key", mac_key)
show("MAC", hmac.digest(mac_key, text.encode(), "sha256"))
mark = {"origin": origin, "size": 3, "root": b64(root), "peaks": [b64(node), b64(leaves[2])], "chain_hash": b64(chain)}
show("high-water mark", json.dumps(mark, separators=(",", ":")))
print(f"--- note\n{text}\n{line}\n{second}")
