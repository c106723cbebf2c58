import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { isOver } from '../domain/verification.js';
import type { Verification } from '../verification/verification.types.js';
import { verificationResource } from './verification.resource.js';

const LOOK_EVERY_MS = 500;
/** A line so that proxies keep the connection, in milliseconds. */
const HEARTBEAT_MS = 15_000;

/**
 * Server-sent events of one verification: `progress` whenever it got on, `done` when it is over, and then the end. An
 * event's id is the revision it shows, so whoever comes back with `Last-Event-ID` gets what is newer and nothing twice;
 * a stream that has nothing more is 204, which tells an EventSource to stay away.
 */
export async function streamVerification(
  look: () => Promise<Verification>,
  { request, response, signal }: { request: Request; response: Response; signal: AbortSignal },
): Promise<void> {
  let seen = revisionOf(request.header('last-event-id'));
  let verification = await look();
  if (isOver(verification) && verification.rev <= seen) return void response.status(204).end();
  response.status(200).type('text/event-stream').setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Accel-Buffering', 'no');
  response.flushHeaders();
  for (let written = performance.now(); ; verification = await look()) {
    const { rev, report, ...shown } = verification;
    void report; // fetched by whoever wants it
    if (rev > seen) {
      const data = JSON.stringify(verificationResource({ ...shown, rev }));
      response.write(`id: ${rev}\nevent: ${isOver(verification) ? 'done' : 'progress'}\ndata: ${data}\n\n`);
      [seen, written] = [rev, performance.now()];
    } else if (performance.now() - written > HEARTBEAT_MS) {
      response.write(':\n\n');
      written = performance.now();
    }
    if (isOver(verification) || response.destroyed || signal.aborted) return void response.end();
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

const revisionOf = (lastEventId: string | undefined): number =>
  /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0;
