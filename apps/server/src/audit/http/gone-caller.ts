import type { Response } from 'express';

/** Aborted when nobody can be answered any more. */
export function goneCaller(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}
