// Ledgers that are appended to, signed, archived in a bucket and copied into a second one: what the scenarios and the
// fault matrix of archives run in their own process and, started as a program, in one that is killed:
//   node tests/compat/cold-ledgers.mjs '{"dataDir", "uri", "cold": {…}, "tenant": …}'
import { deepStrictEqual } from 'node:assert';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ArchiveRun } from '../../dist/apps/server/src/audit/archive/archive-run.js';
import { ColdCopier } from '../../dist/apps/server/src/audit/cold/cold-copier.js';
import { ColdCopyProgress } from '../../dist/apps/server/src/audit/cold/cold-copy-progress.js';
import { sampleDraft, startRoom } from '../../dist/apps/server/src/audit/audit-room.fixture.js';
import { CheckpointSigner } from '../../dist/apps/server/src/audit/checkpoints/checkpoint-signer.js';
import { RecordEvents, SealEvents } from '../../dist/apps/server/src/audit/index.js';
import { AuditKeys } from '../../dist/apps/server/src/audit/keys/audit-keys.js';
import { ListEvents } from '../../dist/apps/server/src/audit/queries/list-events.query.js';
import { VerifyLedger } from '../../dist/apps/server/src/audit/queries/verify-ledger.query.js';
import { ArchiveBatches } from '../../dist/apps/server/src/audit/storage/archive-batches.store.js';
import { uuidv7 } from '../../dist/libs/kernel/src/index.js';
import { verifierKeyText } from '../../dist/libs/ledger/src/index.js';

/** AUDIT_HOT_RETENTION_DAYS, preset. */
const HOT_MS = 90 * 86_400_000;

/** Where and how a room archives, as its settings say it. */
export const coldSettings = ({ coldUrl, copyUrl, lock, encrypt = false }) => ({
  AUDIT_COLD_URL: coldUrl,
  AUDIT_COLD_ACCESS_KEY: process.env.AWS_ACCESS_KEY_ID,
  AUDIT_COLD_SECRET_KEY: process.env.AWS_SECRET_ACCESS_KEY,
  AUDIT_COLD_LOCK: lock,
  AUDIT_COLD_ENCRYPT: String(encrypt),
  AUDIT_COLD_RETAIN_DAYS: '365',
  AUDIT_COLD_COPY_URL: copyUrl,
  AUDIT_COLD_COPY_ACCESS_KEY: process.env.AWS_ACCESS_KEY_ID,
  AUDIT_COLD_COPY_SECRET_KEY: process.env.AWS_SECRET_ACCESS_KEY,
});

export const coldRoom = ({ dataDir, uri, cold }) => startRoom({ dataDir, uri, env: coldSettings(cold) });

export class ColdLedger {
  constructor(room, tenant) {
    this.room = room;
    this.tenant = tenant;
    this.origin = `assay.test/ledger/${tenant}`;
  }

  get = (provider) => this.room.module.get(provider);

  /** Appends so many, and signs. Of two hours ago: what is archived is older than the event that says so. */
  async grow(count) {
    const scope = { tenant: this.tenant };
    const id = () => uuidv7(Date.now() - 7_200_000);
    const drafts = Array.from({ length: count }, (_, step) => sampleDraft(step, { id: id(), scope }));
    const commands = this.get(CommandBus);
    await commands.execute(new RecordEvents(this.tenant, await commands.execute(new SealEvents(drafts))));
    const { state } = await this.get(CheckpointSigner).sign({ _id: this.tenant, origin: this.origin });
    if (state !== 'signed') throw new Error(`expected ${this.tenant} to be signed, found ${state}`);
  }

  /** As a run does when what was signed by then is as old as the hot retention. */
  run = (signedBy = Date.now()) => this.get(ArchiveRun).runOnce(this.tenant, new Date(signedBy + HOT_MS));

  async copied() {
    for await (const batch of this.get(ArchiveBatches).notCopied(this.tenant)) {
      await this.get(ColdCopier).copyBatch(batch, new AbortController().signal);
    }
  }

  batches = async () => (await this.get(ArchiveBatches).page(this.tenant, { limit: 1_000 })).reverse();

  behind = async () => (await this.get(ColdCopyProgress).of(this.tenant)).lag_batches;

  hot = () => this.room.entries.countDocuments({ tenant: this.tenant });

  async verdict() {
    const vkeys = this.get(AuditKeys).verifierKeys(this.tenant, this.origin).map(verifierKeyText);
    return this.get(QueryBus).execute(new VerifyLedger(this.tenant, vkeys));
  }

  /** The one oracle: the product's verifier, its own records, and every event once, in order, whatever holds it. */
  async assertSound() {
    const { tenant } = this;
    const { tier, breaks, entries, batches } = await this.verdict();
    deepStrictEqual({ tenant, tier, breaks }, { tenant, tier: 'consistent', breaks: [] });
    const records = await this.batches();
    const all = { expected: records.length, read: records.length, verified: records.length };
    deepStrictEqual({ tenant, ...batches }, { tenant, ...all });
    deepStrictEqual([tenant, entries.verified], [tenant, entries.expected]);
    const { seqs, tiers } = await this.followed();
    deepStrictEqual([tenant, seqs], [tenant, Array.from({ length: entries.expected }, (_, seq) => seq)]);
    const archived = records.reduce((sum, { eventCount }) => sum + eventCount, 0);
    deepStrictEqual([tenant, tiers.filter((tier) => tier === 'archived').length], [tenant, archived]);
    deepStrictEqual([tenant, await this.hot()], [tenant, entries.expected - archived]);
  }

  /** The whole ledger, as a reader follows it. */
  async followed() {
    const [seqs, tiers] = [[], []];
    for (let after_seq = -1; ;) {
      const page = await this.get(QueryBus).execute(new ListEvents(this.tenant, { after_seq, limit: 500 }));
      if (page.events.length === 0) return { seqs, tiers };
      seqs.push(...page.events.map(({ seq }) => seq));
      tiers.push(...page.events.map(({ tier }) => tier));
      after_seq = page.next_after_seq;
    }
  }
}

if (import.meta.filename === process.argv[1]) {
  const { tenant, ...place } = JSON.parse(process.argv[2]);
  const room = await coldRoom(place);
  const ledger = new ColdLedger(room, tenant);
  await ledger.run();
  await ledger.copied();
  await room.close();
}
