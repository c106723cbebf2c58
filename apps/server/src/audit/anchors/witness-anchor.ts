import {
  consistencyProofFrom,
  formatAddCheckpoint,
  LedgerError,
  parseNote,
  verifyNote,
  type PolicyWitness,
} from '#libs/ledger';
import { AuditError, type AuditErrorCode } from '../audit.errors.js';
import type { Evidence } from '../storage/anchors.store.js';
import type { AnchorTarget, PublishedCheckpoint } from './anchor-target.js';
import { witnessName } from './anchored-note.js';
import { posted, type HttpAnswer } from './bounded-post.js';

/** The size may change between two tries when another process of ours asks the same witness. */
const TRIES = 4;
/** How far a witness's clock may be ahead of ours, in seconds. */
const AHEAD_SECONDS = 300;

const REFUSALS: Readonly<Record<number, readonly [AuditErrorCode, string]>> = {
  403: ['AUDIT.WITNESS_KEY_UNKNOWN', 'the witness knows this log under other keys'],
  404: ['AUDIT.WITNESS_LOG_UNKNOWN', 'the witness does not know this log'],
  422: ['AUDIT.WITNESS_CONTRADICTED', 'what the witness cosigned before is no prefix of this tree'],
};

/** What we know of sizes. */
export interface KnownSizes {
  /** Of the newest checkpoint that the witness of this name cosigned, as far as we know; 0 for none. */
  cosigned(tenant: string, origin: string, name: string): Promise<number>;
  /** Of the newest published checkpoint. */
  published(tenant: string): Promise<number>;
}

/** Has checkpoints cosigned by one witness (C2SP tlog-witness, the log's side). */
export class WitnessAnchor implements AnchorTarget {
  readonly kind = 'witness';

  constructor(
    private readonly witness: PolicyWitness & { url: string },
    private readonly sizes: KnownSizes,
    private readonly now: () => number = Date.now,
  ) {}

  get name(): string {
    return witnessName(this.witness.key);
  }

  async anchor({ checkpoint, tiles }: PublishedCheckpoint, signal: AbortSignal): Promise<Evidence> {
    const { tenant, origin, size, note } = checkpoint;
    let oldSize = Math.min(size, await this.sizes.cosigned(tenant, origin, this.name));
    for (let tries = 0; tries < TRIES; tries++) {
      const proof = await consistencyProofFrom(tiles, { from: oldSize, to: size });
      const body = Buffer.from(formatAddCheckpoint({ oldSize, proof, checkpoint: note }));
      const request = { type: 'text/plain; charset=utf-8', body, signal };
      const answer = await posted(`${this.witness.url}/add-checkpoint`, request, 'AUDIT.WITNESS_UNAVAILABLE');
      if (answer.status === 200) return this.cosignature(note, answer);
      if (answer.status !== 409) throw refused(answer.status);
      oldSize = await this.nextOldSize(sizeToldIn(answer), { tenant, oldSize, size });
    }
    throw new AuditError('AUDIT.WITNESS_UNAVAILABLE', `expected a cosignature within ${TRIES} tries`);
  }

  /** The size to ask again with, where the one that the witness told can be right. */
  private async nextOldSize(told: number, asked: { tenant: string; oldSize: number; size: number }): Promise<number> {
    if (told < asked.size || (told === asked.size && asked.oldSize !== told)) return told;
    if (told === asked.size) {
      throw new AuditError('AUDIT.WITNESS_CONTRADICTED', `the witness cosigned another tree of size ${told}`);
    }
    const published = await this.sizes.published(asked.tenant);
    if (told > published) {
      throw new AuditError(
        'AUDIT.WITNESS_CONTRADICTED',
        `the witness cosigned size ${told}, published is ${published}`,
      );
    }
    throw new AuditError('AUDIT.WITNESS_REFUSED', `the witness cosigned size ${told} meanwhile`);
  }

  /** The witness's line on this checkpoint; lines of other keys are ignored. */
  private cosignature(note: string, { body }: HttpAnswer): Evidence {
    const { key } = this.witness;
    const answered = `${parseNote(note).text}\n${body.toString('utf8')}`;
    try {
      const { verified, signatures } = verifyNote(answered, [key]);
      const at = signatures.findIndex(({ name, keyId }) => name === key.name && keyId === key.keyId);
      const [time, line] = [verified[0]?.time, body.toString('utf8').split('\n')[at]];
      if (time !== undefined && line !== undefined && time <= this.now() / 1000 + AHEAD_SECONDS) {
        return { time, cosignature: { name: key.name, key_id: key.keyId, time, line } };
      }
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw new AuditError('AUDIT.WITNESS_ANSWER_INVALID', 'expected a cosignature that holds', { cause });
    }
    throw new AuditError('AUDIT.WITNESS_ANSWER_INVALID', 'expected a cosignature of about now');
  }
}

/** The size in a 409 answer. */
function sizeToldIn({ body }: HttpAnswer): number {
  const size = Number(/^(0|[1-9]\d{0,15})\n$/.exec(body.toString('latin1'))?.[1]);
  if (Number.isSafeInteger(size)) return size;
  throw new AuditError('AUDIT.WITNESS_ANSWER_INVALID', 'expected a decimal size with status 409');
}

function refused(status: number): AuditError {
  const [code, message] = REFUSALS[status] ?? [
    status >= 500 || status === 429 ? 'AUDIT.WITNESS_UNAVAILABLE' : 'AUDIT.WITNESS_REFUSED',
    `the witness answered ${status}`,
  ];
  return new AuditError(code, message);
}
