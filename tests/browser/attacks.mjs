// One ledger and what may be done to it, with nothing but the public surface of libs/ledger: runs in Node and in a page.
const ORIGIN = 'browser.test/ledger/acme';
const SIZE = 300;

const seed = new Uint8Array(32).fill(7);

function eventOf(seq) {
  return {
    id: `0198c0de-0000-7000-8000-${seq.toString(16).padStart(12, '0')}`,
    ts: '2026-11-21T09:00:00.000Z',
    kind: 'job.created',
    scope: { tenant: 'acme' },
    actor: { type: 'service', id: 'svc-1' },
    data: { attempt: seq, platform: '520' },
    meta: { schema: 1, service: 'server', version: '0.1.0', env: 'test', received_at: '2026-11-21T09:00:00.001Z' },
  };
}

function ledger(lib, publicKey) {
  const signer = lib.noteSigner(ORIGIN, seed);
  const tree = new lib.CompactRange();
  const entries = [];
  const notes = new Map();
  let previousChainHash = lib.genesisHash(ORIGIN);
  for (let seq = 0; seq < SIZE; seq++) {
    const event = eventOf(seq);
    const bytes = lib.canonicalBytes(event);
    const entry = lib.entryOf({ tenant: 'acme', seq, event, bytes, previousChainHash });
    previousChainHash = entry.chain_hash;
    tree.append(entry.leaf_hash);
    entries.push(entry);
    if ((seq + 1) % 100 === 0) {
      const text = lib.formatCheckpoint({ origin: ORIGIN, size: seq + 1, root: tree.root() });
      notes.set(seq + 1, lib.signNote(text, signer));
    }
  }
  return { entries, notes, key: lib.verifierKey(ORIGIN, publicKey) };
}

function report(lib, { entries, notes, key }) {
  const verifier = new lib.LedgerVerifier({
    tenant: 'acme',
    origin: ORIGIN,
    keys: { verifierKeys: [key], pinned: true },
  });
  const left = new Map(notes);
  for (const entry of entries) {
    for (const [size, note] of left) {
      if (size <= entry.seq && left.delete(size)) verifier.checkpoint(note);
    }
    verifier.entry(entry);
  }
  for (const note of left.values()) verifier.checkpoint(note);
  return JSON.parse(JSON.stringify(verifier.finish()));
}

const ATTACKS = {
  clean: () => {},
  'one bit of the bytes': ({ entries }) => {
    entries[42].bytes = entries[42].bytes.map((byte, at) => (at === 100 ? byte ^ 1 : byte));
  },
  'one entry taken out': ({ entries }) => void entries.splice(17, 1),
  'the tail cut': ({ entries }) => void entries.splice(250),
  'two entries in each other’s place': ({ entries }) => {
    const [{ _id, seq }, other] = [entries[5], entries[6]];
    entries.splice(5, 2, { ...other, _id, seq }, { ...entries[5], _id: other._id, seq: other.seq });
  },
  'a checkpoint altered': ({ notes }) => notes.set(200, notes.get(200).replace('\n200\n', '\n199\n')),
};

/** The verifier's report on each attack, by its name. `lib` is libs/ledger; plain JSON comes back. */
export async function reports(lib) {
  const { ed25519 } = await import('@noble/curves/ed25519.js');
  return Object.fromEntries(
    Object.entries(ATTACKS).map(([name, attack]) => {
      const fresh = ledger(lib, ed25519.getPublicKey(seed));
      attack(fresh);
      return [name, report(lib, fresh)];
    }),
  );
}
