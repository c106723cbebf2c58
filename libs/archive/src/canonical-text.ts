import { canonicalJson } from '#libs/ledger';

/** The value of a JSON text in well-formed UTF-8 that is its own RFC 8785 form; undefined for any other bytes. */
export function canonicalValue(bytes: Uint8Array): { text: string; value: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return canonicalJson(value) === text ? { text, value } : undefined;
  } catch {
    return undefined; // no UTF-8, no JSON, or a value that RFC 8785 has no form for
  }
}

/** Whether it is an object with all of `names`, and no others than these and the `optional`. */
export function hasMembers(
  value: unknown,
  names: readonly string[],
  optional: readonly string[] = [],
): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const found = Object.keys(value);
  return names.every((name) => found.includes(name)) && found.every((name) => [...names, ...optional].includes(name));
}
