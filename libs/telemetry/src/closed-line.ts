import { kindOf, type LogFields } from './log-fields.js';
import { errorMessage, foldedStack, scrubbed } from './scrub.js';

/** A route is a template under one of our own roots, not a path of the machine. */
const ROUTE = /^\/(?:api|tlog|metrics|\.well-known|_[a-z]+)(?:\/[A-Za-z0-9_.:*{}-]*)*$/;

/** What is left of `fields` after the closed list and the scrubbing, and how many were dropped. */
export function closedLine(
  fields: Record<string, unknown>,
  literals: readonly string[],
): { line: LogFields; dropped: number } {
  const line: Record<string, unknown> = {};
  let dropped = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    const shown = shownAs(name, value, literals);
    if (shown === undefined) dropped += 1;
    else line[name] = shown;
  }
  return { line: withFoldedMessage(line, fields['error_message'], literals), dropped };
}

function shownAs(name: string, value: unknown, literals: readonly string[]): unknown {
  const kind = kindOf(name);
  if (kind === undefined) return undefined;
  if (kind === 'details') return detailsOf(value, literals);
  if (kind !== 'any' && typeof value !== kind) return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  if (name === 'error_message') return errorMessage(value, literals);
  if (name === 'route' && ROUTE.test(value)) return value;
  return scrubbed(value, literals);
}

function detailsOf(value: unknown, literals: readonly string[]): LogFields['details'] | undefined {
  const stack = (value as { stack?: unknown }).stack;
  return typeof stack === 'string' ? { stack: foldedStack(stack, literals) } : undefined;
}

/** The lines of an `error_message` beyond its first go to `details.stack`. */
function withFoldedMessage(line: LogFields, message: unknown, literals: readonly string[]): LogFields {
  if (typeof message !== 'string' || !/[\r\n]/.test(message) || line.details) return line;
  return { ...line, details: { stack: foldedStack(message, literals) } };
}
