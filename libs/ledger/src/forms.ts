/**
 * The closed forms a string in an event can have. None admits white space, a slash, an at sign or a letter beyond
 * ASCII, so none can carry a sentence, a path, an address or a URL (event-kinds.spec.ts).
 */
export type StringForm =
  | 'id'
  | 'request_id'
  | 'uuid7'
  | 'code'
  | 'kind'
  | 'tenant'
  | 'version'
  | 'time'
  | 'digest'
  | 'fingerprint'
  | 'pseudonym'
  | 'signature';

interface Form {
  pattern: RegExp;
  /** Told in faults instead of the value. */
  says: string;
}

const FORMS: Readonly<Record<StringForm, Form>> = {
  id: { pattern: /^[A-Za-z0-9_-][A-Za-z0-9_:-]{0,127}$/, says: 'an id of 1 to 128 letters, digits, "_", ":" or "-"' },
  // The caller's own X-Request-Id.
  request_id: { pattern: /^[A-Za-z0-9._-]{1,64}$/, says: 'a request id of 1 to 64 letters, digits, ".", "_" or "-"' },
  uuid7: {
    pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    says: 'a UUIDv7 in lower case',
  },
  code: {
    pattern: /^(?:[a-z0-9][a-z0-9_-]{0,63}|(?=.{1,64}$)[A-Z][A-Z0-9_]*(?:\.[A-Z][A-Z0-9_]*)*)$/,
    says: 'a code: lower_snake, or UPPER.DOTTED, of at most 64 characters',
  },
  kind: {
    pattern: /^(?=.{3,96}$)[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_-]*)+$/,
    says: 'a kind: domain.event in lower case',
  },
  tenant: { pattern: /^[a-z0-9][a-z0-9-]{0,39}$/, says: 'a tenant id: [a-z0-9][a-z0-9-]{0,39}' },
  version: { pattern: /^\d{1,9}(?:\.\d{1,9}){0,3}(?:[-+][0-9A-Za-z.-]{1,32})?$/, says: 'a version like 1.2.3' },
  time: {
    pattern: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/,
    says: 'an RFC 3339 time in UTC with milliseconds',
  },
  digest: { pattern: /^[0-9a-f]{64}$/, says: 'a SHA-256 digest of 64 hex digits' },
  fingerprint: { pattern: /^[0-9a-f]{12,64}$/, says: 'a fingerprint of 12 to 64 hex digits' },
  pseudonym: { pattern: /^[0-9a-f]{64}$/, says: 'a pseudonym of 64 hex digits' },
  signature: { pattern: /^[A-Za-z0-9_-]{85}[AQgw]$/, says: 'an Ed25519 signature in base64url' },
};

/** A tenant's id, wherever one is given. */
export const TENANT_PATTERN = FORMS.tenant.pattern;

export const expectedOf = (form: StringForm): string => FORMS[form].says;

export function hasForm(form: StringForm, value: unknown): value is string {
  if (typeof value !== 'string' || !FORMS[form].pattern.test(value)) return false;
  return form !== 'time' || isCalendarDay(value);
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isCalendarDay(time: string): boolean {
  const day = Number(time.slice(8, 10));
  if (day <= 28) return true;
  const year = Number(time.slice(0, 4));
  const month = Number(time.slice(5, 7));
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 && leap ? 29 : (DAYS[month - 1] as number));
}
