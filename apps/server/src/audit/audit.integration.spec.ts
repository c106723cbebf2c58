import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { uuidv7 } from '#libs/kernel';
import { canonicalBytes, parseEvent, signEvent, verifierKeyText } from '#libs/ledger';
import { sampleDraft, startRoom, TENANT, type AuditRoom } from './audit-room.fixture.js';
import { Settings } from '../settings.js';
import { AuditKeys } from './keys/audit-keys.js';
import { RecordEvents, SealEvents, type SealedEvent } from './index.js';
import { ListEvents } from './queries/list-events.query.js';
import { SubjectKeys } from './storage/subject-keys.store.js';

describe('the audit room', () => {
  let room: AuditRoom;
  let commands: CommandBus;
  beforeEach(async () => {
    room = await startRoom();
    commands = room.module.get(CommandBus);
  });
  afterEach(() => room.remove());

  it('numbers from 0 and verifies as consistent, with keys of its own called unpinned', async () => {
    expect((await room.record(5)).map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4]);
    await room.sign();
    await room.record(2, 5);
    const verdict = await room.verify();
    expect(verdict).toMatchObject({
      tenant: TENANT,
      origin: 'assay.test/ledger/acme',
      tier: 'consistent',
      keys: 'unpinned',
      size: 5,
      breaks: [],
      entries: { expected: 7, found: 7, verified: 7 },
      unsealed: { from: 5, to: 6 },
    });
  });

  it('says pinned when the key came from outside, and finds a foreign key unknown', async () => {
    await room.record(3);
    await room.sign();
    const key = verifierKeyText(room.module.get(AuditKeys).verifierKeys(TENANT, 'assay.test/ledger/acme')[0]!);
    expect(await room.verify([key])).toMatchObject({ tier: 'consistent', keys: 'pinned' });
    const elsewhere = new Settings({ ASSAY_DATA_DIR: join(room.dataDir, 'elsewhere'), ASSAY_ORIGIN: 'assay.test' });
    const other = await AuditKeys.load(elsewhere);
    const foreign = verifierKeyText(other.verifierKeys(TENANT, 'assay.test/ledger/acme')[0]!);
    expect((await room.verify([foreign])).breaks).toMatchObject([{ class: 'key_unknown', checkpoint: 3 }]);
    await expect(room.verify(['nonsense'])).rejects.toMatchObject({
      code: 'AUDIT.VERIFIER_KEY_INVALID',
      details: [{ pointer: '/vkey' }],
    });
  });

  describe('sealing', () => {
    it('freezes the event with its meta, and writes nothing', async () => {
      const [sealed] = await commands.execute(new SealEvents([sampleDraft(1, { ts: '2026-01-02T03:04:05.678Z' })]));
      const event = parseEvent(sealed!.bytes);
      expect(event).toMatchObject({ id: sealed!.id, ts: '2026-01-02T03:04:05.678Z', data: { step: 1 } });
      expect(event.meta).toMatchObject({ schema: 2, service: 'assay', env: 'local' });
      expect(await room.stored()).toEqual([]);
    });

    it('keeps persons out of the bytes, gives one person one pseudonym, and finds the way back', async () => {
      const draft = sampleDraft(1, {
        actor: { type: 'user', id: 'Ada Lovelace' },
        data: { step: 1, who: 'Ada Lovelace' },
      });
      const sealed = await Promise.all([1, 2].map(() => commands.execute(new SealEvents([draft]))));
      const events = sealed.map(([event]) => parseEvent(event!.bytes));
      const pseudonym = events[0]!.actor.id;
      expect(pseudonym).toMatch(/^[0-9a-f]{64}$/);
      expect(new Set(events.flatMap(({ actor, data }) => [actor.id, data!['who']]))).toEqual(new Set([pseudonym]));
      expect(Buffer.from(sealed[0]![0]!.bytes).toString()).not.toContain('Ada');
      const subjects = room.module.get(SubjectKeys);
      expect(await subjects.subjects(TENANT, [pseudonym])).toEqual(new Map([[pseudonym, 'Ada Lovelace']]));
      const [elsewhere] = await commands.execute(new SealEvents([{ ...draft, scope: { tenant: 'other' } }]));
      expect(parseEvent(elsewhere!.bytes).actor.id).not.toBe(pseudonym);
    });

    it('shows nobody behind a pseudonym that the key does not give', async () => {
      const draft = sampleDraft(1, { actor: { type: 'user', id: 'Grace Hopper' } });
      const [sealed] = await commands.execute(new SealEvents([draft]));
      const pseudonym = parseEvent(sealed!.bytes).actor.id;
      const written = { $set: { subject: 'Mallory' } };
      await room.store.collection('subject_keys').updateOne({ tenant: TENANT, pseudonym }, written);
      expect(await room.module.get(SubjectKeys).subjects(TENANT, [pseudonym])).toEqual(new Map());
    });

    it.each([
      ['AUDIT.KIND_UNKNOWN', sampleDraft(1, { kind: 'nobody.declared' })],
      ['AUDIT.EVENT_INVALID', sampleDraft(1, { data: { step: 'free text' } })],
      ['AUDIT.EVENT_INVALID', sampleDraft(1, { data: { step: 1, more: 2 } })],
      ['AUDIT.TENANT_INVALID', sampleDraft(1, { scope: { tenant: 'No Such' } })],
      ['AUDIT.EVENT_ID_INVALID', sampleDraft(1, { id: 'c232ab00-9414-41f4-93fe-7a1b0c1d2e3f' })],
      ['AUDIT.EVENT_TOO_OLD', sampleDraft(1, { id: uuidv7(Date.now() - 46 * 86_400_000) })],
      ['AUDIT.EVENT_TOO_OLD', sampleDraft(1, { id: uuidv7(Date.now() + 6 * 60_000) })],
    ])('refuses with %s', async (code, draft) => {
      await expect(commands.execute(new SealEvents([draft]))).rejects.toMatchObject({ code });
    });

    it('signs single events of the tenants that asked for it', async () => {
      await room.close();
      const signing = await startRoom({ dataDir: room.dataDir, env: { AUDIT_EVENT_SIGNATURES: TENANT } });
      const bus = signing.module.get(CommandBus);
      const [sealed] = await bus.execute(new SealEvents([sampleDraft(1)]));
      await bus.execute(new RecordEvents(TENANT, [sealed!]));
      expect(parseEvent(sealed!.bytes).sig?.kid).toBe(signing.module.get(AuditKeys).eventSigner.kid);
      const [first, second] = (await signing.stored()).map(({ bytes }) => parseEvent(bytes));
      const { kid } = signing.module.get(AuditKeys).eventSigner;
      expect(first).toMatchObject({ kind: 'key.activated', data: { key_id: kid, purpose: 'event' }, sig: { kid } });
      expect(second!.id).toBe(sealed!.id);
      expect(await signing.verify()).toMatchObject({ tier: 'incomplete', breaks: [] });
      await signing.close();
    });

    it('says so when a single event is signed by a key that it does not have, and checks the one it has', async () => {
      await room.close();
      room = await startRoom({ dataDir: room.dataDir, env: { AUDIT_EVENT_SIGNATURES: 'another' } });
      commands = room.module.get(CommandBus);
      const { kid, seed } = room.module.get(AuditKeys).eventSigner;
      const [plain] = await commands.execute(new SealEvents([sampleDraft(1)]));
      const event = parseEvent(plain!.bytes);
      const signedBy = (seq: number, key: { kid: string; seed: Uint8Array }): SealedEvent => {
        const id = `${event.id.slice(0, -1)}${seq}`;
        return { ...plain!, id, bytes: canonicalBytes(signEvent({ ...event, id }, key)) };
      };
      const stranger = Buffer.alloc(32, 5);
      await commands.execute(
        new RecordEvents(TENANT, [
          signedBy(0, { kid, seed }),
          signedBy(1, { kid: 'f00d', seed: stranger }),
          signedBy(2, { kid, seed: stranger }),
        ]),
      );
      await room.sign();
      const { tier, breaks } = await room.verify();
      expect(tier).toBe('broken');
      expect(breaks).toMatchObject([
        { class: 'key_unknown', seq: 1, field: 'sig', verdict: 'cannot_check' },
        { class: 'edited', seq: 2, field: 'sig' },
      ]);
    });
  });

  it('keeps the seq of an event that is recorded again, and refuses other bytes under its id', async () => {
    const sealed = await commands.execute(new SealEvents([sampleDraft(1)]));
    const [first] = await commands.execute(new RecordEvents(TENANT, sealed));
    expect(await commands.execute(new RecordEvents(TENANT, sealed))).toEqual([first]);
    const other = await commands.execute(new SealEvents([sampleDraft(2, { id: sealed[0]!.id })]));
    await expect(commands.execute(new RecordEvents(TENANT, other))).rejects.toMatchObject({
      code: 'AUDIT.EVENT_CONFLICT',
    });
  });

  it('refuses another ASSAY_ORIGIN over the same ledgers', async () => {
    await room.record(1);
    await room.close();
    const elsewhere = startRoom({ dataDir: room.dataDir, env: { ASSAY_ORIGIN: 'other.test' } });
    await expect(elsewhere).rejects.toMatchObject({ code: 'AUDIT.ORIGIN_CHANGED' });
  });

  it('makes its keys once, for nobody else to read', async () => {
    const folder = join(room.dataDir, 'keys');
    const key = await readFile(join(folder, 'note.key'), 'utf8');
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    await room.close();
    const again = await startRoom({ dataDir: room.dataDir });
    expect(await readFile(join(folder, 'note.key'), 'utf8')).toBe(key);
    await again.close();
  });

  describe('listing', () => {
    const list = (filter: ConstructorParameters<typeof ListEvents>[1]) =>
      room.module.get(QueryBus).execute(new ListEvents(TENANT, filter));

    it('pages newest first without losing or doubling one, also within one millisecond', async () => {
      const ts = '2026-01-02T03:04:05.678Z';
      const sealed = await commands.execute(
        new SealEvents(Array.from({ length: 9 }, (_, step) => sampleDraft(step, step < 6 ? { ts } : {}))),
      );
      await commands.execute(new RecordEvents(TENANT, sealed));
      const seen: number[] = [];
      for (let cursor: string | undefined, more = true; more;) {
        const page = await list({ limit: 2, cursor });
        seen.push(...page.events.map(({ seq }) => seq));
        cursor = page.next_cursor;
        more = cursor !== undefined;
      }
      expect(seen).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
      expect((await list({ since: ts, until: '2026-01-02T03:04:05.679Z' })).events).toHaveLength(6);
      expect((await list({ job_id: 'job-1', kind: 'sample.done' })).events.map(({ seq }) => seq)).toEqual([7, 4, 1]);
    });

    it('follows by seq', async () => {
      await room.record(4);
      const page = await list({ after_seq: 1, limit: 10 });
      expect(page).toMatchObject({ events: [{ seq: 2 }, { seq: 3 }], next_after_seq: 3 });
      expect(page.events[0]!.event).toMatchObject({ kind: 'sample.done', data: { step: 2 } });
      await expect(list({ after_seq: 1, kind: 'sample.done' })).rejects.toMatchObject({ code: 'AUDIT.FILTER_INVALID' });
      await expect(list({ cursor: 'xyz' })).rejects.toMatchObject({ code: 'AUDIT.FILTER_INVALID' });
    });
  });
});

describe('a database that was set back', () => {
  let room: AuditRoom;
  beforeEach(async () => {
    room = await startRoom();
    await room.record(6);
    await room.sign();
  });
  afterEach(() => room.remove());

  it('is not appended to: LEDGER.ROLLED_BACK', async () => {
    await room.entries.deleteMany({ tenant: TENANT, seq: { $gte: 4 } });
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
    await expect(room.record(1)).rejects.toMatchObject({ code: 'LEDGER.ROLLED_BACK' });
    expect((await room.verify()).breaks).toContainEqual(expect.objectContaining({ class: 'tail_cut', from: 4, to: 5 }));
  });

  it('with its checkpoints too is found at start by the mark beside the key, and suspended', async () => {
    await room.entries.deleteMany({ tenant: TENANT, seq: { $gte: 4 } });
    await room.store.collection('ledger_checkpoints').deleteMany({ tenant: TENANT });
    await room.close();
    room = await startRoom({ dataDir: room.dataDir, roles: 'api,ledger' });
    expect(room.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ action: 'audit.suspended', level: 'error', tenant_id: TENANT }),
    );
    await expect(room.record(1)).rejects.toMatchObject({ code: 'AUDIT.SUSPENDED' });
    expect((await room.verify()).breaks).toContainEqual(
      expect.objectContaining({ class: 'rolled_back', from: 4, to: 5 }),
    );
  });

  it('and regrown to the old length with other entries is not signed', async () => {
    const marks = join(room.dataDir, 'keys', 'high-water', TENANT);
    const aside = join(room.dataDir, 'aside');
    await room.entries.deleteMany({ tenant: TENANT });
    await room.store.collection('ledger_checkpoints').deleteMany({ tenant: TENANT });
    await room.close();
    await rename(marks, aside);
    room = await startRoom({ dataDir: room.dataDir });
    await room.record(8, 100);
    await rename(aside, marks);
    expect(await room.sign()).toMatchObject({ state: 'contradicted', reason: 'seq 5 is not the one that was signed' });
  });

  it('is signed when only the process died between mark and checkpoint', async () => {
    await room.record(2, 6);
    await room.sign();
    await room.store.collection('ledger_checkpoints').deleteOne({ tenant: TENANT, size: 8 });
    await room.store.collection('ledger_heads').updateOne({ size: 8 }, { $set: { size: 6 } });
    await room.close();
    room = await startRoom({ dataDir: room.dataDir });
    expect(await room.sign()).toEqual({ state: 'signed', size: 8 });
    expect(await room.verify()).toMatchObject({ tier: 'consistent', size: 8, breaks: [] });
  });
});
