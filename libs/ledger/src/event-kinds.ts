import type { JsonValue } from './event.types.js';
import { expectedOf, hasForm } from './forms.js';
import type { StringForm } from './forms.js';
import { LedgerError } from './ledger.errors.js';

/**
 * What one value of `data` may be. There is no form for free text, and none can be added by a room:
 * - `id`, `code`, `version`, `digest` (SHA-256, lower-case hex), `time`: strings of that form (forms.ts);
 * - `count`: an integer from 0 to 2^53-1; `number`: any finite number; `boolean`;
 * - `person`: an identifier of a person. A draft carries it as it is; before the event is canonicalised every one is
 *   replaced by its pseudonym, HMAC-SHA-256 in 64 lower-case hex digits (`withPseudonyms`);
 * - `{ oneOf }`: one of these codes; `{ list }`: up to 256 values of one scalar form; `{ optional }`: may be absent.
 */
export type FieldForm = ValueForm | { readonly optional: ValueForm };
export type ValueForm = ScalarForm | { readonly list: ScalarForm };
export type ScalarForm =
  | 'id'
  | 'code'
  | 'version'
  | 'digest'
  | 'time'
  | 'count'
  | 'number'
  | 'boolean'
  | 'person'
  | { readonly oneOf: readonly string[] };

/** A kind as its room declares it at its door. */
export interface EventKind {
  readonly kind: string;
  /** Version of `data`, from 1; it becomes `meta.schema`. */
  readonly schema: number;
  readonly data: Readonly<Record<string, FieldForm>>;
}

/** The draft `data` a kind asks its producers for. */
export type DataOf<Kind extends Pick<EventKind, 'data'>> = Simplify<
  { [Name in RequiredName<Kind['data']>]: ValueOf<Kind['data'][Name]> } & {
    [Name in Exclude<keyof Kind['data'], RequiredName<Kind['data']>>]?: ValueOf<Kind['data'][Name]>;
  }
>;

type RequiredName<Data> = { [Name in keyof Data]: Data[Name] extends { optional: unknown } ? never : Name }[keyof Data];
type ValueOf<Form> = Form extends { optional: infer Inner }
  ? ValueOf<Inner>
  : Form extends { list: infer Item }
    ? readonly ValueOf<Item>[]
    : Form extends { oneOf: readonly (infer Code)[] }
      ? Code
      : Form extends 'count' | 'number'
        ? number
        : Form extends 'boolean'
          ? boolean
          : string;
type Simplify<T> = { [Name in keyof T]: T[Name] };

type Declared<Kinds> = {
  readonly [Kind in keyof Kinds & string]: Kinds[Kind] & { readonly kind: Kind };
};

const LIST_MAX = 256;
const PERSON_MAX = 320;

/**
 * A room's kinds, keyed by kind. Throws KIND_DECLARATION for a kind, field name, schema version or form outside the
 * language above, so that a bad declaration stops the program at load.
 */
export function eventKinds<const Kinds extends Record<string, Omit<EventKind, 'kind'>>>(kinds: Kinds): Declared<Kinds> {
  const declared = Object.entries(kinds).map(([kind, { schema, data }]) => {
    if (!hasForm('kind', kind)) throw declarationError(kind, expectedOf('kind'));
    if (!Number.isSafeInteger(schema) || schema < 1) throw declarationError(kind, 'a schema version from 1');
    for (const [name, form] of Object.entries(data)) {
      if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) throw declarationError(kind, 'snake_case field names');
      if (!isFieldForm(form)) throw declarationError(kind, `a known form for ${name}`);
    }
    return [kind, { kind, schema, data }];
  });
  return Object.fromEntries(declared) as Declared<Kinds>;
}

/**
 * Checks a draft's `data` against its kind: throws DATA_FIELD_UNKNOWN, DATA_FIELD_MISSING or DATA_FIELD_FORM. Persons
 * are still identifiers here.
 */
export function checkData(kind: EventKind, data: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(data)) {
    if (!Object.hasOwn(kind.data, name)) {
      throw new LedgerError('LEDGER.DATA_FIELD_UNKNOWN', `${kind.kind} declares no field of the name found`, {
        details: [{ pointer: `/data/${name.slice(0, 64)}`, expected: 'absent' }],
      });
    }
  }
  for (const [name, form] of Object.entries(kind.data)) {
    const value = Object.hasOwn(data, name) ? data[name] : undefined;
    if (value !== undefined) checkValue(kind.kind, name, valueFormOf(form), value);
    else if (!isOptional(form))
      throw new LedgerError('LEDGER.DATA_FIELD_MISSING', `${kind.kind} needs the field ${name}`);
  }
}

/** The identifiers of persons in checked data, each once. */
export function personsIn(kind: EventKind, data: Readonly<Record<string, unknown>>): string[] {
  const persons = new Set<string>();
  mapPersons(kind, data, (person) => {
    persons.add(person);
    return person;
  });
  return [...persons];
}

/**
 * Checked data with every person replaced by its pseudonym and absent fields left out: what goes into the event.
 * Throws PSEUDONYM_MISSING when the map lacks one or holds something else than 64 lower-case hex digits.
 */
export function withPseudonyms(
  kind: EventKind,
  data: Readonly<Record<string, unknown>>,
  pseudonyms: ReadonlyMap<string, string>,
): Record<string, JsonValue> {
  return mapPersons(kind, data, (person) => {
    const pseudonym = pseudonyms.get(person);
    if (!hasForm('pseudonym', pseudonym)) {
      throw new LedgerError('LEDGER.PSEUDONYM_MISSING', `${kind.kind} names a person who has no pseudonym yet`);
    }
    return pseudonym;
  });
}

function mapPersons(
  kind: EventKind,
  data: Readonly<Record<string, unknown>>,
  replace: (person: string) => string,
): Record<string, JsonValue> {
  const fields = Object.entries(data).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    fields.map(([name, value]): [string, JsonValue] => {
      const form = valueFormOf(kind.data[name] as FieldForm);
      if (form === 'person') return [name, replace(value as string)];
      if (isList(form) && form.list === 'person') return [name, (value as string[]).map(replace)];
      return [name, value as JsonValue];
    }),
  );
}

function checkValue(kind: string, name: string, form: ValueForm, value: unknown): void {
  if (!isList(form)) return checkScalar(kind, name, form, value);
  if (!Array.isArray(value) || value.length > LIST_MAX) throw formError(kind, name, `a list of at most ${LIST_MAX}`);
  // Array.from visits holes too: a sparse list has undefined where a value is missing.
  for (const item of Array.from(value as unknown[])) checkScalar(kind, name, form.list, item);
}

function checkScalar(kind: string, name: string, form: ScalarForm, value: unknown): void {
  if (typeof form === 'object') {
    if (!form.oneOf.includes(value as string)) throw formError(kind, name, `one of ${form.oneOf.join(', ')}`);
    return;
  }
  switch (form) {
    case 'count':
      if (!Number.isSafeInteger(value) || (value as number) < 0) throw formError(kind, name, 'an integer from 0');
      return;
    case 'number':
      if (!isNumber(value)) throw formError(kind, name, 'a finite number, an integer only up to 2^53-1');
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw formError(kind, name, 'a boolean');
      return;
    case 'person':
      if (
        typeof value !== 'string' ||
        value.length === 0 ||
        value.length > PERSON_MAX ||
        /\p{Surrogate}/u.test(value)
      ) {
        throw formError(kind, name, `an identifier of 1 to ${PERSON_MAX} characters`);
      }
      return;
    default:
      if (!hasForm(form, value)) throw formError(kind, name, expectedOf(form));
  }
}

const isNumber = (value: unknown): boolean =>
  Number.isFinite(value) && !Object.is(value, -0) && (!Number.isInteger(value) || Number.isSafeInteger(value));

const STRING_FORMS: readonly StringForm[] = ['id', 'code', 'version', 'digest', 'time'];
const SCALARS: readonly unknown[] = [...STRING_FORMS, 'count', 'number', 'boolean', 'person'];

const isOptional = (form: FieldForm): form is { readonly optional: ValueForm } =>
  typeof form === 'object' && 'optional' in form;
const isList = (form: ValueForm): form is { readonly list: ScalarForm } => typeof form === 'object' && 'list' in form;
const valueFormOf = (form: FieldForm): ValueForm => (isOptional(form) ? form.optional : form);

function isFieldForm(form: FieldForm): boolean {
  const value = valueFormOf(form);
  const scalar = typeof value === 'object' && value !== null && isList(value) ? value.list : value;
  if (typeof scalar !== 'object' || scalar === null) return SCALARS.includes(scalar);
  const codes = 'oneOf' in scalar ? scalar.oneOf : [];
  return codes.length > 0 && codes.every((code) => hasForm('code', code));
}

const declarationError = (kind: string, expected: string): LedgerError =>
  new LedgerError('LEDGER.KIND_DECLARATION', `the declaration of ${kind} needs ${expected}`);

const formError = (kind: string, name: string, expected: string): LedgerError =>
  new LedgerError('LEDGER.DATA_FIELD_FORM', `${name} of ${kind} must be ${expected}`, {
    details: [{ pointer: `/data/${name}`, expected }],
  });
