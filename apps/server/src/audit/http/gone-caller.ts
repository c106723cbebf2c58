import type { Response } from 'express';

/** Aborted when nobody can be answered any more. */
export function goneCaller(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  if (response.destroyed) gone.abort(); // whoever left before is not told of again
  return gone.signal;
}
