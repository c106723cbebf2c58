import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { codeOf } from '#libs/kernel';
import { LedgerError, verifierKey, verifyNote, type Actor } from '#libs/ledger';
import { Log } from '#libs/telemetry';
import { HighWaterFiles } from '../checkpoints/high-water-files.js';
import { RecordFact } from '../commands/record-fact.command.js';
import { hourlyId } from '../domain/coalesced.js';
import { SYSTEM } from '../domain/origin.js';
import { Checkpoints, type StoredCheckpoint } from '../storage/checkpoints.store.js';
import { KeyStatements } from '../storage/key-statements.store.js';
import { LedgerEntries } from '../storage/ledger-entries.store.js';
import { Ledgers, type Ledger } from '../storage/ledgers.store.js';
import { AuditKeys } from './audit-keys.js';
import { factsDue, KEY_KINDS, says, type KeyFact, type KeyStatement } from './key-facts.js';
import { currentKey, publicKeyIn, type RingKey } from './key-ring.js';
import { PublicKeys } from './public-keys.js';
import { rangeAt } from './signing-ranges.js';

type Named = Pick<Ledger, '_id' | 'origin'>;

const LEDGER: Actor = { type: 'system', id: 'ledger' };

/**
 * Brings what the ledgers say, and who signs them, to what the ring of keys says. A rotation is: the key is in the ring
 * (AuditKeys.add); its activation is in the ledger; a checkpoint by the key before covers that; from the next size on the
 * new key signs. Each step is found undone and done again, whenever the process died (key-rotation.integration.spec.ts).
 */
@Injectable()
export class KeyChanges {
  /** Version of the ring that each ledger is at, by origin. */
  private readonly settled = new Map<string, number>();
  private recording: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly keys: AuditKeys,
    private readonly publicKeys: PublicKeys,
    private readonly ledgers: Ledgers,
    private readonly entries: LedgerEntries,
    private readonly statements: KeyStatements,
    private readonly checkpoints: Checkpoints,
    private readonly marks: HighWaterFiles,
    private readonly commands: CommandBus,
    private readonly log: Log,
  ) {}

  /**
   * One step of every change that waits in this ledger; call it before each signing, and never beside one: then no size
   * is signed by two keys. Costs nothing while there is nothing to change. Never rejects: a change that cannot be made
   * now keeps nobody from signing with the key until now.
   */
  async turn(ledger: Named): Promise<void> {
    const { version } = this.keys;
    if (this.settled.get(ledger.origin) === version) return;
    try {
      await this.publicKeys.publish();
      await this.record(ledger, LEDGER);
      if (await this.moved(ledger)) this.settled.set(ledger.origin, version);
    } catch (error) {
      this.log.warn('audit.key_change_failed', { tenant_id: ledger._id, error_code: codeOf(error) });
    }
  }

  /** Records what the ring asks of this ledger and it does not say yet, there and in the system ledger. */
  async record(ledger: Named, actor: Actor): Promise<void> {
    const done = this.recording.then(() => this.recordDue(ledger, actor));
    this.recording = done.catch(() => undefined);
    return done;
  }

  private async recordDue({ _id: tenant, origin }: Named, actor: Actor): Promise<void> {
    const { keys } = this;
    const recorded = await this.recorded(tenant);
    const due = factsDue(
      {
        tenant,
        ring: keys.keys,
        ranges: await keys.rangesOf(tenant),
        macs: keys.macIds,
        size: await this.checkpoints.newestSize(tenant),
        keyIdOf: (key) => keys.keyIdIn(key, origin),
      },
      recorded,
    );
    for (const fact of due) {
      if (fact.mirrored && tenant !== SYSTEM) await this.mirror(tenant, fact, actor);
      // If the process dies here, the system ledger says it and this one does not yet: it is still due.
      await this.write(tenant, fact, actor);
    }
    await this.ledgers.ledger(SYSTEM);
  }

  private async mirror(ledger: string, { kind, data }: KeyFact, actor: Actor): Promise<void> {
    const fact = { kind, data: { ...data, ledger } };
    if ((await this.recorded(SYSTEM)).some((event) => says(event, fact, SYSTEM))) return;
    await this.write(SYSTEM, fact, actor);
  }

  private async write(tenant: string, { kind, data }: Pick<KeyFact, 'kind' | 'data'>, actor: Actor): Promise<void> {
    const { key_id: keyId, purpose, ledger = '', since_size: since = '' } = data;
    const id = hourlyId(Date.now(), kind, tenant, purpose, keyId, ledger, String(since));
    await this.commands.execute(new RecordFact({ id, kind, scope: { tenant }, actor, data }, { once: true }));
  }

  private async recorded(tenant: string): Promise<KeyStatement[]> {
    const found = await Promise.all(KEY_KINDS.map((kind) => this.statements.ofKind(tenant, kind)));
    return found.flat();
  }

  /** Whether the keys that the ring wants sign this ledger; moves it to them where that can be done now. */
  private async moved({ _id: tenant, origin }: Named): Promise<boolean> {
    let all = true;
    for (const purpose of ['note', 'cosignature'] as const) {
      const ranges = (await this.keys.rangesOf(tenant))[purpose];
      const wanted = currentKey(this.keys.keys, purpose, tenant);
      if (!wanted || ranges.at(-1)?.id === wanted.id) continue;
      const covered = await this.coveringSize({ _id: tenant, origin }, wanted);
      if (covered === undefined) {
        all = false;
        continue;
      }
      await this.checkpoints.keepFor(tenant, covered, 'key_change');
      // If the process dies here, the key until now goes on, and a later checkpoint of it covers the activation as well.
      const kept = await this.marks.of(tenant).newest();
      await this.keys.moveTo(tenant, purpose, wanted.id, Math.max(covered, kept?.marks.at(-1)?.size ?? 0) + 1);
      // If the process dies here, the new key signs what comes; nothing is left to do.
    }
    return all;
  }

  /** Size of the newest checkpoint, if it covers the key's activation and the key until now signed it. */
  private async coveringSize({ _id: tenant, origin }: Named, key: RingKey): Promise<number | undefined> {
    const fact: Pick<KeyFact, 'kind' | 'data'> = {
      kind: 'key.activated',
      data: { key_id: this.keys.keyIdIn(key, origin), purpose: key.purpose },
    };
    const activations = (await this.recorded(tenant)).filter((event) => says(event, fact, tenant));
    const found = await this.entries.find(
      tenant,
      activations.map(({ id }) => id),
    );
    const seqs = [...found.values()].map(({ seq }) => seq);
    const newest = await this.checkpoints.newest(tenant);
    if (!newest || seqs.length === 0 || newest.size <= Math.min(...seqs)) return undefined;
    return (await this.isByKeyUntilNow({ _id: tenant, origin }, newest)) ? newest.size : undefined;
  }

  private async isByKeyUntilNow({ _id: tenant, origin }: Named, { note, size }: StoredCheckpoint): Promise<boolean> {
    const range = rangeAt((await this.keys.rangesOf(tenant)).note, size);
    const key = this.keys.keys.find(({ id }) => id === range?.id);
    if (!key) return false;
    try {
      return verifyNote(note, [verifierKey(origin, publicKeyIn(key))]).verified.length > 0;
    } catch (error) {
      if (error instanceof LedgerError) return false;
      throw error;
    }
  }
}
