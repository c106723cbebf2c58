"""Prints the worked log of tlog.md, from the text of tlog.md and ledger.md alone: hashlib and base64, none of our code.

Run: python3 docs/design/tlog-example.py
"""
import base64, hashlib, pathlib, re

sha = lambda b: hashlib.sha256(b).digest()
b64 = lambda b: base64.b64encode(b).decode()
show = lambda name, value: print(f"{name} = {value.hex() if isinstance(value, bytes) else value}")
leaf = lambda entry: sha(b"\x00" + entry)


def mth(hashes):  # RFC 6962 section 2.1, over leaf hashes
    if len(hashes) < 2:
        return hashes[0] if hashes else sha(b"")
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha(b"\x01" + mth(hashes[:k]) + mth(hashes[k:]))


def path(m, hashes):  # RFC 9162 section 2.1.3.1
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return path(m, hashes[:k]) + [mth(hashes[k:])] if m < k else path(m - k, hashes[k:]) + [mth(hashes[:k])]


def subproof(m, hashes, whole):  # RFC 9162 section 2.1.4.1
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m <= k:
        return subproof(m, hashes[:k], whole) + [mth(hashes[k:])]
    return subproof(m - k, hashes[k:], False) + [mth(hashes[:k])]


def name(index, width=256):
    digits = str(index).zfill(-(-len(str(index)) // 3) * 3)
    parts = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    return "/".join(["x" + part for part in parts[:-1]] + parts[-1:]) + ("" if width == 256 else f".p/{width}")


def files(entries):
    made, hashes, level = {}, [leaf(entry) for entry in entries], 0
    for n in range(0, len(entries), 256):
        part = entries[n:n + 256]
        made["tile/entries/" + name(n // 256, len(part))] = b"".join(len(e).to_bytes(2, "big") + e for e in part)
    while hashes:
        for n in range(0, len(hashes), 256):
            part = hashes[n:n + 256]
            made[f"tile/{level}/" + name(n // 256, len(part))] = b"".join(part)
        hashes = [mth(hashes[n:n + 256]) for n in range(0, len(hashes) - 255, 256)]
        level += 1
    return made


for index in (0, 1067, 1234067, 2**53 - 1):
    show(f"index {index}", name(index))

numbers = [n.to_bytes(4, "big") for n in range(70000)]
hashes = [leaf(entry) for entry in numbers]
for path_, content in sorted(files(numbers[:600]).items()):
    show(f"sha256 of {path_} at size 600", sha(content))
show("root of size 300", mth(hashes[:300]))
show("root of size 600", mth(hashes[:600]))
show("root of size 70000", mth(hashes))
show("files at size 70000", len(files(numbers)))
show("inclusion of 300 in 600", " ".join(h.hex() for h in path(300, hashes[:600])))
show("consistency of 300 and 600", " ".join(h.hex() for h in subproof(300, hashes[:600], True)))

page = (pathlib.Path(__file__).parent / "ledger.md").read_text()
events = [e.encode() for e in re.findall(r"^bytes of seq \d = (.*)$", page, re.M)]
note = re.search(r"^```note\n(.*?)^```$", page, re.M | re.S)[1]
for path_, content in sorted(files(events).items()):
    show(path_, content.hex() if path_.startswith("tile/0") else f"sha256 {sha(content).hex()}")
proof = path(1, [leaf(event) for event in events])
lines = ["c2sp.org/tlog-proof@v1", "extra " + b64(events[1]), "index 1"] + [b64(h) for h in proof]
print("--- tlog-proof")
print("\n".join(lines) + "\n\n" + note, end="")
