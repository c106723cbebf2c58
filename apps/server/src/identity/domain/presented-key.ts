/** The key a request shows, or why there is none to look at. */
type Presented = { key: string } | { rejected: 'missing' | 'ambiguous' | 'malformed' };

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;
const BARE = /^[\x21-\x7e]{1,512}$/;

/** `Authorization: Bearer` (RFC 6750 §2.1) or `X-API-Key`; both only when they say the same. */
export function presentedKey(headers: { authorization?: unknown; 'x-api-key'?: unknown }): Presented {
  const { authorization, 'x-api-key': bare } = headers;
  if (authorization === undefined && bare === undefined) return { rejected: 'missing' };
  const keys = [
    ...(authorization === undefined ? [] : [matched(BEARER, authorization, 1)]),
    ...(bare === undefined ? [] : [matched(BARE, bare, 0)]),
  ];
  const [first, second] = keys;
  if (first === undefined || keys.includes(undefined)) return { rejected: 'malformed' };
  return second === undefined || second === first ? { key: first } : { rejected: 'ambiguous' };
}

function matched(form: RegExp, value: unknown, group: number): string | undefined {
  return typeof value === 'string' ? form.exec(value)?.[group] : undefined;
}
