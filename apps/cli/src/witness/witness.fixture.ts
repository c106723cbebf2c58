import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ed25519 } from '@noble/curves/ed25519.js';
import {
  consistencyProof,
  formatAddCheckpoint,
  formatCheckpoint,
  leafHash,
  noteSigner,
  rootOf,
  signNote,
  verifierKey,
  type VerifierKey,
} from '#libs/ledger';

/** A log of its own making: the same `history` gives the same leaves. */
export class SampleLog {
  readonly key: VerifierKey;

  constructor(
    readonly origin = 'log.example/1',
    private readonly history = 'true',
    private readonly seed = new Uint8Array(32).fill(1),
  ) {
    this.key = verifierKey(origin, ed25519.getPublicKey(seed));
  }

  leaves(size: number): Uint8Array[] {
    return Array.from({ length: size }, (_, i) => leafHash(Buffer.from(`${this.history} ${i}`)));
  }

  /** The signed checkpoint of this size. */
  checkpoint(size: number): string {
    const text = formatCheckpoint({ origin: this.origin, size, root: rootOf(this.leaves(size)) });
    return signNote(text, noteSigner(this.origin, this.seed));
  }

  /** The request of an honest log. */
  request(oldSize: number, size: number): string {
    const proof = consistencyProof(this.leaves(size), oldSize);
    return formatAddCheckpoint({ oldSize, proof, checkpoint: this.checkpoint(size) });
  }
}

/** A folder for one test, gone after it. */
export function temporaryFolder(): () => string {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-witness-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}
