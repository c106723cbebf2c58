import { Injectable } from '@nestjs/common';
import { AuditKeys } from '../keys/audit-keys.js';
import type { HeldRun, SavedRun } from '../storage/verifications.store.js';
import type { RunState } from './verification-engine.js';

/** More than this is not worth keeping: the run then begins anew where it would be taken up. */
const MOST_CHARACTERS = 8 * 1024 * 1024;

/**
 * What a run leaves behind lies in the database that it verifies. So it carries a MAC by our ring, over run and tenant
 * too: whoever can write to the database can make a run begin anew, and nothing else (saved-runs.spec.ts).
 */
@Injectable()
export class SavedRuns {
  constructor(private readonly keys: AuditKeys) {}

  sealed({ id, tenant }: Pick<HeldRun, 'id' | 'tenant'>, state: RunState | undefined): SavedRun | undefined {
    const text = state && JSON.stringify(state);
    if (text === undefined || text.length > MOST_CHARACTERS) return undefined;
    const { keyId, mac } = this.keys.noteMac(tenant, macText(id, text));
    return { text, mac, mac_key_id: keyId };
  }

  /** Undefined when there is none, or none of ours. */
  opened({ id, tenant, saved }: Pick<HeldRun, 'id' | 'tenant' | 'saved'>): RunState | undefined {
    if (!saved) return undefined;
    const { text, mac, mac_key_id } = saved;
    const formed = typeof text === 'string' && mac instanceof Uint8Array && typeof mac_key_id === 'string';
    if (!formed || this.keys.noteMacHolds(tenant, macText(id, text), mac, mac_key_id) !== true) return undefined;
    const state = JSON.parse(text) as RunState;
    return state.reading.verifier.version === 2 ? state : undefined; // of a server before this one
  }
}

/** No text of a note begins so: its first line would be an origin. */
const macText = (id: string, text: string): string => `saved verification ${id}\n${text}`;
