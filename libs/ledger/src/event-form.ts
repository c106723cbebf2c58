import type { LedgerEvent } from './event.types.js';
import { expectedOf, hasForm } from './forms.js';
import type { StringForm } from './forms.js';
import type { FormFault } from './ledger.errors.js';

/** Top-level members, in the order of the canonical bytes. */
export const MEMBERS = [
  'id',
  'ts',
  'kind',
  'scope',
  'actor',
  'refs',
  'data',
  'meta',
  'sig',
] as const satisfies readonly (keyof LedgerEvent)[];

type Check = (value: unknown, pointer: string, faults: FormFault[]) => void;

const string =
  (form: StringForm): Check =>
  (value, pointer, faults) => {
    if (!hasForm(form, value)) faults.push({ pointer, expected: expectedOf(form) });
  };

/** An object with exactly these members; the second list may be absent. */
function members(required: Record<string, Check>, optional: Record<string, Check> = {}): Check {
  const names = Object.keys(required);
  return (value, pointer, faults) => {
    if (!isObject(value)) return void faults.push({ pointer, expected: 'an object' });
    for (const name of names) {
      if (!Object.hasOwn(value, name)) faults.push({ pointer: `${pointer}/${name}`, expected: 'present' });
    }
    for (const [name, member] of Object.entries(value)) {
      const check = own(required, name) ?? own(optional, name);
      if (check === undefined) faults.push({ pointer: `${pointer}/${escaped(name)}`, expected: 'absent' });
      else if (member === undefined)
        faults.push({ pointer: `${pointer}/${name}`, expected: 'left out, not undefined' });
      else check(member, `${pointer}/${name}`, faults);
    }
  };
}

const notEmpty =
  (check: Check): Check =>
  (value, pointer, faults) => {
    if (isObject(value) && Object.keys(value).length === 0) faults.push({ pointer, expected: 'left out when empty' });
    else check(value, pointer, faults);
  };

const ACTOR = members(
  { type: oneOf('user', 'service', 'operator', 'system'), id: string('id') },
  { client_id: string('id'), token_fingerprint: string('fingerprint') },
);

const EVENT = members(
  {
    id: string('uuid7'),
    ts: string('time'),
    kind: string('kind'),
    scope: members({ tenant: string('tenant') }, { project: string('id') }),
    actor: checkActor,
    meta: members({
      schema: checkSchema,
      service: string('code'),
      version: string('version'),
      env: string('code'),
      received_at: string('time'),
    }),
  },
  {
    refs: notEmpty(
      members(
        {},
        {
          resource: members({ type: string('code'), id: string('id') }),
          job_id: string('id'),
          task_id: string('id'),
          artifact_id: string('id'),
          request_id: string('request_id'),
          trace_id: string('id'),
          correlation_id: string('id'),
          case_id: string('id'),
          bundle_id: string('id'),
          batch_id: string('id'),
          source_id: string('id'),
        },
      ),
    ),
    data: notEmpty((value, pointer, faults) => {
      if (!isObject(value)) faults.push({ pointer, expected: 'an object' });
    }),
    sig: members({ kid: string('id'), value: string('signature') }),
  },
);

/** Every fault of the event's form; `data` is only required to be a JSON object, its fields are `checkData`'s. */
export function formFaultsOf(event: unknown): FormFault[] {
  const faults: FormFault[] = [];
  EVENT(event, '', faults);
  return faults;
}

function checkActor(value: unknown, pointer: string, faults: FormFault[]): void {
  ACTOR(value, pointer, faults);
  if (!isObject(value) || (value.type !== 'user' && value.type !== 'operator')) return;
  if (!hasForm('pseudonym', value.id)) faults.push({ pointer: `${pointer}/id`, expected: expectedOf('pseudonym') });
}

function checkSchema(value: unknown, pointer: string, faults: FormFault[]): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) faults.push({ pointer, expected: 'an integer from 1' });
}

function oneOf(...allowed: string[]): Check {
  return (value, pointer, faults) => {
    if (!allowed.includes(value as string)) faults.push({ pointer, expected: `one of ${allowed.join(', ')}` });
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const own = (checks: Record<string, Check>, name: string): Check | undefined =>
  Object.hasOwn(checks, name) ? checks[name] : undefined;

const escaped = (name: string): string => name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
