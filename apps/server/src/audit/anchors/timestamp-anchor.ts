import { randomBytes } from 'node:crypto';
import { AuditError } from '../audit.errors.js';
import type { Evidence } from '../storage/anchors.store.js';
import type { AnchorTarget, PublishedCheckpoint } from './anchor-target.js';
import { posted } from './bounded-post.js';
import { timestampQuery, tokenIn, verifiedTimestamp, type Certificates } from './rfc3161.js';

/** How far the authority's clock may be from ours, in seconds. */
const APART_SECONDS = 600;

/** Has the note of checkpoints stamped by a time-stamping authority (RFC 3161, over HTTP: §3.4). */
export class TimestampAnchor implements AnchorTarget {
  readonly kind = 'rfc3161';

  constructor(
    private readonly url: string,
    readonly trusted: Certificates,
    private readonly now: () => number = Date.now,
  ) {}

  get name(): string {
    return new URL(this.url).host;
  }

  async anchor({ checkpoint }: PublishedCheckpoint, signal: AbortSignal): Promise<Evidence> {
    const data = Buffer.from(checkpoint.note);
    const nonce = randomBytes(8);
    const request = { type: 'application/timestamp-query', body: timestampQuery(data, nonce), signal };
    const { status, body } = await posted(this.url, request, 'AUDIT.TSA_UNAVAILABLE');
    if (status !== 200) throw new AuditError('AUDIT.TSA_UNAVAILABLE', `the authority answered ${status}`);
    const token = tokenIn(body);
    const { time } = await verifiedTimestamp(token, { data, nonce, trusted: this.trusted });
    if (Math.abs(time - this.now() / 1000) > APART_SECONDS) {
      throw new AuditError(
        'AUDIT.TOKEN_TIME',
        `expected a time of about now, found ${new Date(time * 1000).toISOString()}`,
      );
    }
    return { time, token };
  }
}
