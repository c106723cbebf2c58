"""Prints the worked example of archive.md, from the texts of archive.md and ledger.md alone; none of our code.

Run:     pip install cryptography && python3 docs/design/archive-example.py
Verify:  python3 docs/design/archive-example.py <batch>.manifest.json <batch>.jsonl.gz <verifier key> [archive.ring]
"""
import base64, gzip, hashlib, hmac, json, re, sys, zlib
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TYPE = "application/vnd.assay.archive-manifest.v1+json"
sha = lambda b: hashlib.sha256(b).digest()
b64 = lambda b: base64.b64encode(b).decode()
compact = lambda v: json.dumps(v, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
pae = lambda kind, body: b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)
aad_of = lambda tenant, start, end, digest: f"assay archive v1\n{tenant}\n{start}-{end}\n{digest}\n".encode()


def hkdf(key, info, salt=bytes(32), length=32):  # RFC 5869 with SHA-256
    prk, out, block = hmac.digest(salt, key, "sha256"), b"", b""
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


def derived(master, purpose, tenant, key_id):
    return hkdf(master, json.dumps(["assay", purpose, tenant, key_id], separators=(",", ":")).encode())


def content(path):  # of an object, also out of the file of a file store (archive.md, section 1)
    raw = Path(path).read_bytes()
    return raw[:-12 - int.from_bytes(raw[-12:-8], "big")] if raw.endswith(b"ASSAYOB1") else raw


def verify(manifest_path, object_path, vkey, ring_path=None):
    def check(holds, what):
        print(("ok      " if holds else "BROKEN  ") + what)
        if not holds:
            sys.exit(1)

    envelope = json.loads(content(manifest_path))
    payload = base64.b64decode(envelope["payload"])
    name, key_id, public = vkey.split("+", 2)  # only the base64 may have one more
    signatures = [s["sig"] for s in envelope["signatures"] if s["keyid"] == f"{name}+{key_id}"]
    check(envelope["payloadType"] == TYPE and signatures, f"a manifest signed by {name}+{key_id}")
    # Raises InvalidSignature.
    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public)[1:])
    public_key.verify(base64.b64decode(signatures[0]), pae(TYPE, payload))
    m = json.loads(payload)
    print(f"ok      {m['tenant']} {m['startSeq']}-{m['endSeq']}, archived {m['archivedAt']}")
    jsonl, stored = m["jsonl"], content(object_path)
    check(len(stored) == jsonl["storedBytes"] and sha(stored).hex() == jsonl["storedSha256"], "the stored bytes")
    member = stored
    if "encryption" in jsonl:
        if ring_path is None:
            return print("        encrypted: no more can be said without the ring")
        e, ring = jsonl["encryption"], json.loads(Path(ring_path).read_text())["keys"]
        aad, wrapped = aad_of(m["tenant"], m["startSeq"], m["endSeq"], jsonl["sha256"]), base64.b64decode(e["wrappedKey"])
        wrap_key = derived(base64.b64decode(ring[e["keyId"]]), "archive wrap", m["tenant"], e["keyId"])
        data_key = AESGCM(wrap_key).decrypt(wrapped[:12], wrapped[12:], aad)
        member = AESGCM(data_key).decrypt(base64.b64decode(e["iv"]), stored, aad)
    stream = zlib.decompressobj(31)
    lines = stream.decompress(member, jsonl["bytes"])
    stream.decompress(stream.unconsumed_tail, 1)  # the trailer, which may be all that is left
    check(stream.eof and not stream.unused_data, "one gzip member, and nothing behind it")
    check(len(lines) == jsonl["bytes"] and sha(lines).hex() == jsonl["sha256"], "the lines")
    events, chain = lines.split(b"\n")[:-1], bytes.fromhex(m["previousChainHash"])
    for event in events:
        chain = sha(b"\x02" + chain + sha(b"\x00" + event))
    check(len(events) == m["eventCount"] and chain.hex() == m["endChainHash"], f"the chain over {len(events)} events")


def example():
    page = (Path(__file__).parent / "ledger.md").read_text()
    value = lambda name: re.search(rf"^{name} = (.*)$", page, re.M)[1]
    note = re.search(r"^```note\n(.*?)^```$", page, re.M | re.S)[1]
    show = lambda name, shown: print(f"{name} = {shown.hex() if isinstance(shown, bytes) else shown}")
    events = [value(f"bytes of seq {seq}").encode() for seq in range(3)]
    lines = b"".join(event + b"\n" for event in events)
    member = gzip.compress(lines, mtime=0)
    digest = sha(lines).hex()
    stem = f"tenants/acme/ledger/archive/2026/11/22/0-2-{digest[:16]}"
    show("SHA-256 of the lines", digest)
    show("gzip member", b64(member))

    ring_key = bytes([4] * 32)
    ring_id = sha(sha(b"assay archive ring\n" + ring_key)).hex()[:16]
    ring = {"current": ring_id, "keys": {ring_id: b64(ring_key)}}
    show("archive ring", json.dumps(ring, separators=(",", ":")))
    aad = aad_of("acme", 0, 2, digest)
    secret = derived(ring_key, "archive data", "acme", ring_id)
    made = hkdf(secret, aad, salt=sha(member), length=56)
    data_key, iv, wrap_iv = made[:32], made[32:44], made[44:]
    wrap_key = derived(ring_key, "archive wrap", "acme", ring_id)
    show("data key", data_key)
    show("wrap key", wrap_key)
    wrapped = wrap_iv + AESGCM(wrap_key).encrypt(wrap_iv, data_key, aad)
    sealed = AESGCM(data_key).encrypt(iv, member, aad)
    show("wrapped key", b64(wrapped))
    show("iv", b64(iv))
    show("encrypted object", b64(sealed))

    signer = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    vkey = value("verifier key")
    assert b64(b"\x01" + signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)) == vkey.split("+", 2)[2]
    key_id = "+".join(vkey.split("+", 2)[:2])
    master, mac_id = value("AUDIT_SIGNING_KEY").encode(), value("MAC key id")
    mac_key = derived(master, "archive", "acme", mac_id)
    show("MAC key", mac_key)
    encryption = {"algorithm": "AES-256-GCM", "keyId": ring_id, "wrappedKey": b64(wrapped), "iv": b64(iv)}
    for name, stored, more in (("manifest", member, {}), ("manifest of the encrypted", sealed, {"encryption": encryption})):
        manifest = {
            "version": 1, "tenant": "acme", "origin": value("origin"), "startSeq": 0, "endSeq": 2, "eventCount": 3,
            "minTs": "2026-11-21T09:00:00.000Z", "maxTs": "2026-11-21T09:00:09.125Z",
            "previousChainHash": value("chain hash before seq 0"), "endChainHash": value("chain hash of seq 2"),
            "checkpoint": note, "previousManifestSha256": None, "archivedAt": "2026-11-22T03:00:00.000Z",
            "keyIds": [key_id, mac_id],
            "jsonl": {"key": f"{stem}.jsonl.gz", "sha256": digest, "storedSha256": sha(stored).hex(),
                      "bytes": len(lines), "storedBytes": len(stored), "encoding": "gzip", **more},
        }
        body = compact(manifest)
        signed = pae(TYPE, body)
        text = compact({
            "mac": {"keyid": mac_id, "sig": b64(hmac.digest(mac_key, signed, "sha256"))},
            "payload": b64(body), "payloadType": TYPE,
            "signatures": [{"keyid": key_id, "sig": b64(signer.sign(signed))}],
        })
        show(name, text.decode())
        show(f"SHA-256 of the {name}", sha(text))


example() if len(sys.argv) == 1 else verify(*sys.argv[1:])
