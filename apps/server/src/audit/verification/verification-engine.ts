import { Injectable } from '@nestjs/common';
import { LedgerError, LedgerVerifier, parseVerifierKey } from '#libs/ledger';
import type { VerifierKey } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { CheckpointSigner } from '../checkpoints/checkpoint-signer.js';
import type { LedgerVerdict, VerificationAsked } from './verification.types.js';
import { PublicKeys } from '../keys/public-keys.js';
import { LedgerReader, type ReadingPlace } from '../storage/ledger-reader.store.js';
import { Ledgers, originsOf } from '../storage/ledgers.store.js';
import { LedgerReading, type ReadingState } from './ledger-reading.js';
import { SegmentThreads } from './segment-threads.js';

/** A run as it is put aside and taken up again. Plain JSON. */
export interface RunState {
  place: ReadingPlace;
  /** Sizes of the mark and of anchors when the run was fixed. */
  sizes: number[];
  spent_ms: number;
  resumed_at: number[];
  reading: ReadingState;
}

export interface RunOptions {
  signal: AbortSignal;
  resume?: RunState | undefined;
  /** Entries, and where the run can be taken up from here; undefined where it cannot. */
  progressed?: (progress: { done: number; total: number }, state: () => RunState | undefined) => Promise<void>;
}

/** Verifies a ledger as it is when the run begins; the one engine behind every route and task. */
@Injectable()
export class VerificationEngine {
  constructor(
    private readonly ledgers: Ledgers,
    private readonly reader: LedgerReader,
    private readonly threads: SegmentThreads,
    private readonly keys: PublicKeys,
    private readonly signer: CheckpointSigner,
  ) {}

  /**
   * Throws AUDIT.LEDGER_NOT_FOUND when neither the store nor the key folder knows a ledger of this tenant: one that was
   * signed here and is gone from the store is verified, and found to be rolled back.
   */
  async assertKnown(tenant: string): Promise<void> {
    this.ledgers.originOf(tenant);
    if (await this.ledgers.find(tenant)) return;
    if (await this.signer.highWater(tenant)) return;
    const { end, size } = await this.reader.place(tenant);
    if (end === 0 && size === 0) throw new AuditError('AUDIT.LEDGER_NOT_FOUND', `there is no ledger of ${tenant}`);
  }

  /** Rejects as `assertKnown`, with AUDIT.VERIFIER_KEY_INVALID, and with the signal's reason when it is aborted. */
  async run(tenant: string, asked: VerificationAsked, options: RunOptions): Promise<LedgerVerdict> {
    const began = performance.now();
    const { resume, signal, progressed } = options;
    await this.assertKnown(tenant);
    const given = parsedKeys(asked.vkeys);
    const origin = this.ledgers.originOf(tenant);
    const ledger = await this.ledgers.find(tenant);
    const origins = ledger ? originsOf(ledger) : [origin];
    const eventKeys = await this.keys.eventKeys();
    const own = (await Promise.all(origins.map((name) => this.keys.verifierKeys(tenant, name)))).flat();
    const keys = {
      verifierKeys: [...own, ...given],
      pinned: given.map(({ name, keyId }) => `${name}+${keyId}`),
      eventKeys,
    };
    // The mark before the entries: then what it counts is there when they are read.
    const highWater = await this.signer.highWater(tenant);
    const place = resume?.place ?? (await this.reader.place(tenant));
    const sizes = resume?.sizes ?? (highWater ? [highWater.size] : []);
    const verifierOptions = { tenant, origin, keys, ...(highWater && { highWater }) };
    const verifier = new LedgerVerifier(verifierOptions);
    const resumed_at = resume ? [...resume.resumed_at, resume.reading.next] : [];
    const spent = (): number => (resume?.spent_ms ?? 0) + Math.round(performance.now() - began);
    const reading = new LedgerReading(this.reader, this.threads, {
      tenant,
      place,
      sizes,
      eventKeys,
      verifier,
      resumed: resume?.reading,
      signal,
      progressed: async (done, state) => {
        await progressed?.({ done, total: place.end }, () => {
          const reached = state();
          return reached && { place, sizes, spent_ms: spent(), resumed_at, reading: reached };
        });
      },
    });
    await reading.read();
    const { size, head, oldest } = place;
    return {
      ...verifier.finish(),
      size,
      head,
      oldestHotSeq: oldest,
      highestArchivedSeq: null,
      duration_ms: spent(),
      resumed_at,
    };
  }
}

/** Throws AUDIT.VERIFIER_KEY_INVALID. */
export function parsedKeys(texts: readonly string[]): VerifierKey[] {
  try {
    return texts.map(parseVerifierKey);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new AuditError('AUDIT.VERIFIER_KEY_INVALID', cause.message, { cause });
  }
}
