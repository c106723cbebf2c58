import { eventsOf } from '../append/in-memory-entries.fixture.js';
import { reopeningFault } from './reopening.js';

const said = (tenant: string, data: Record<string, string | number>): Uint8Array =>
  eventsOf(tenant, 1, { kind: 'ledger.reopened', data })[0]!.bytes;

describe('reopeningFault', () => {
  it('is none of the entry that opened this incarnation or one before, of the system ledger’s copies, and of other events', () => {
    for (const incarnation of [2, 3]) {
      expect(reopeningFault(said('acme', { incarnation: 2 }), { incarnation })).toBeUndefined();
    }
    expect(reopeningFault(said('system', { incarnation: 2, ledger: 'acme' }), { incarnation: 1 })).toBeUndefined();
    const [other] = eventsOf('acme', 1, { data: { text: '"kind":"ledger.reopened"' } });
    expect(reopeningFault(other!.bytes, { incarnation: 1 })).toBeUndefined();
    expect(reopeningFault(Buffer.from('"kind":"ledger.reopened"'), { incarnation: 1 })).toBeUndefined();
  });

  it('says that nobody here opened what the entry says', () => {
    const fault = 'the entry says that incarnation 2 began, this is 1';
    expect(reopeningFault(said('acme', { incarnation: 2 }), { incarnation: 1 })).toBe(fault);
    expect(reopeningFault(said('acme', { incarnation: 2, ledger: 'acme' }), { incarnation: 1 })).toBe(fault);
  });
});
