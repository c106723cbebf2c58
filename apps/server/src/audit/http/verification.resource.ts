import type { Request } from 'express';
import { outwardOf } from '../../http/status-of.js';
import { passed } from '../domain/verification.js';
import type { Verification } from '../verification/verification.types.js';

/** A verification as it is answered, everywhere the same. */
export function verificationResource(verification: Verification): object {
  const { id, state, origin, asked, progress, created_at, started_at, finished_at, report, error } = verification;
  const { range, vkeys, require_anchor } = asked;
  return {
    id,
    state,
    origin,
    asked: { from: range?.from ?? 0, to: range?.to ?? null, vkeys, require_anchor },
    progress,
    created_at: created_at.toISOString(),
    started_at: started_at?.toISOString() ?? null,
    finished_at: finished_at?.toISOString() ?? null,
    passed: passed(verification),
    error: error ? { code: outwardOf(error.code)?.code ?? 'internal' } : null,
    ...(report && { report }),
  };
}

/** `?format=` decides; without it `Accept` does. */
export const wantsText = (request: Request, format: 'json' | 'text' | undefined): boolean =>
  format === 'text' || (format === undefined && request.accepts(['application/json', 'text/plain']) === 'text/plain');
