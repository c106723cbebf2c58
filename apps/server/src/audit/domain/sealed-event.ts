import { canonicalBytes, checkData, personsIn, signEvent, withPseudonyms } from '#libs/ledger';
import type { EventKind, EventMeta, LedgerEvent } from '#libs/ledger';
import type { EventDraft, SealedEvent } from '../audit.types.js';
import { invalidAsOurs } from './entry.js';

/** A draft whose kind is known and whose time and id are given. */
export interface DatedDraft extends EventDraft {
  id: string;
  ts: string;
}

/** Who signs single events; per tenant, when asked. */
export interface EventSigner {
  kid: string;
  /** Ed25519, 32 bytes. */
  seed: Uint8Array;
}

/** The identifiers of persons in a draft: what must have a pseudonym before it is sealed. Throws AUDIT.EVENT_INVALID. */
export function personsOf(draft: EventDraft, kind: EventKind): string[] {
  return invalidAsOurs(() => {
    checkData(kind, draft.data);
    const persons = personsIn(kind, draft.data);
    return isPerson(draft.actor) ? [draft.actor.id, ...persons] : persons;
  });
}

/**
 * The frozen event (docs/design/ledger.md §1), and what its bytes say. Throws AUDIT.EVENT_INVALID, also for more than
 * 65,535 bytes.
 */
export function sealedEvent(
  draft: DatedDraft,
  kind: EventKind,
  meta: Omit<EventMeta, 'schema'>,
  pseudonyms: ReadonlyMap<string, string>,
  signer?: EventSigner,
): { sealed: SealedEvent; event: LedgerEvent } {
  return invalidAsOurs(() => {
    const unsigned = eventOf(draft, kind, meta, pseudonyms);
    const event = signer ? signEvent(unsigned, signer) : unsigned;
    const sealed = { id: draft.id, tenant: draft.scope.tenant, kind: draft.kind, bytes: canonicalBytes(event) };
    return { sealed, event };
  });
}

function eventOf(
  { id, ts, kind: name, scope, actor, refs, data }: DatedDraft,
  kind: EventKind,
  meta: Omit<EventMeta, 'schema'>,
  pseudonyms: ReadonlyMap<string, string>,
): LedgerEvent {
  const said = { refs: present(refs ?? {}), data: withPseudonyms(kind, data, pseudonyms) };
  return {
    id,
    ts,
    kind: name,
    scope: present(scope),
    actor: present({ ...actor, id: isPerson(actor) ? (pseudonyms.get(actor.id) ?? '') : actor.id }),
    ...(Object.keys(said.refs).length > 0 && { refs: said.refs }),
    ...(Object.keys(said.data).length > 0 && { data: said.data }),
    meta: { schema: kind.schema, ...meta },
  };
}

const isPerson = ({ type }: EventDraft['actor']): boolean => type === 'user' || type === 'operator';

/** The same without members that have no value. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
