import { signatureLine } from '#libs/ledger';
import { refusal, submissionOf, type Refusal, type Submission } from './judgement.js';
import type { KnownLogs } from './known-logs.js';
import type { WitnessKey } from './witness-key.js';
import type { WitnessedLogs } from './witnessed-logs.js';

/** What an add-checkpoint request gets. */
export type WitnessAnswer =
  | { status: 200; lines: string; submission: Submission }
  /** `size`: of the newest checkpoint that was cosigned, for 409. */
  | (Refusal & { size?: number; submission?: Submission });

/** Cosigns what follows from what it cosigned before, and nothing else (C2SP tlog-witness). */
export class Witness {
  constructor(
    private readonly key: WitnessKey,
    private readonly logs: KnownLogs,
    private readonly witnessed: WitnessedLogs,
    /** Milliseconds since 1970. */
    private readonly now: () => number = Date.now,
  ) {}

  /** The checkpoint is on disk before this resolves with 200. Rejects when it cannot be, or the state is unreadable. */
  async add(body: string): Promise<WitnessAnswer> {
    const submission = submissionOf(body, this.logs);
    if ('status' in submission) return submission;
    const { origin } = submission.checked;
    const latest = await this.witnessed.latest(origin);
    const refused = refusal(submission, latest);
    if (refused) return { ...refused, submission, size: latest.size };
    if (!(await this.witnessed.follow(origin, latest.turn, submission.checkpoint))) {
      const { size } = await this.witnessed.latest(origin);
      return { status: 409, why: 'another checkpoint was cosigned meanwhile', size, submission };
    }
    // If the process dies here, the log learns the size by asking again and gets its cosignature then.
    const signer = this.key.signer(Math.floor(this.now() / 1000));
    return { status: 200, lines: signatureLine(signer, submission.text), submission };
  }
}
