import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { TieredEvents, type TieredEntry } from '../tiers/tiered-events.js';
import { AuditError } from '../audit.errors.js';
import { parsedCursor, writtenCursor } from '../domain/event-cursor.js';
import { eventOf } from '../storage/ledger-entries.store.js';
import { ListEvents, type EventFilter, type EventPage, type ListedEvent } from './list-events.query.js';

const PRESET_LIMIT = 100;
const SEARCH_FILTERS = ['kind', 'job_id', 'since', 'until', 'cursor'] as const;

@QueryHandler(ListEvents)
export class ListEventsHandler implements IQueryHandler<ListEvents> {
  constructor(private readonly entries: TieredEvents) {}

  async execute({ tenant, filter }: ListEvents): Promise<EventPage> {
    if (filter.after_seq !== undefined) return this.following(tenant, filter.after_seq, filter);
    const limit = filter.limit ?? PRESET_LIMIT;
    const before = filter.cursor === undefined ? undefined : parsedCursor(filter.cursor);
    const { kind, job_id, since, until } = filter;
    const entries = await this.entries.page(tenant, { kind, job_id, since, until, before, limit });
    const events = entries.map(listed);
    const last = entries.length === limit ? entries.at(-1) : undefined;
    return { events, ...(last && { next_cursor: writtenCursor({ ts: last.ts, seq: last.seq }) }) };
  }

  private async following(tenant: string, seq: number, filter: EventFilter): Promise<EventPage> {
    const other = SEARCH_FILTERS.find((name) => filter[name] !== undefined);
    if (other) {
      throw new AuditError('AUDIT.FILTER_INVALID', `after_seq follows the whole ledger: leave out ${other}`, {
        details: [{ pointer: `/${other}`, code: 'excluded_by_after_seq', detail: 'after_seq stands alone' }],
      });
    }
    const entries = await this.entries.following(tenant, seq, filter.limit ?? PRESET_LIMIT);
    return { events: entries.map(listed), next_after_seq: entries.at(-1)?.seq ?? seq };
  }
}

function listed({ seq, bytes, leaf_hash, chain_hash, tier }: TieredEntry): ListedEvent {
  return { seq, leaf_hash: hex(leaf_hash), chain_hash: hex(chain_hash), tier, event: eventOf(bytes) };
}

const hex = (bytes: unknown): string => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : '');
