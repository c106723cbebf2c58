/**
 * Whether `If-None-Match` names this tag (weak comparison, RFC 9110 §13.1.2). `Cache-Control: no-cache`, which fetch
 * adds to every conditional request, is for caches and does not count here.
 */
export function isKnownTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const given = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return given.includes(etag) || given.includes('*');
}
