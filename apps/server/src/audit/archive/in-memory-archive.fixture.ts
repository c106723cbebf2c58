import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Scheduler } from 'fast-check';
import { formatCheckpoint, noteSigner, signNote, type StoredEntry } from '#libs/ledger';
import { ObjectStoreError, type PutOptions } from '#libs/object-store';
import { eventsOf } from '../append/in-memory-entries.fixture.js';
import type { ArchiveBatch, ArchiveBatchState } from '../domain/archive-batch.types.js';
import { chained, emptyHead } from '../domain/entry.js';
import type { ArchiveDraft } from '../storage/archive-drafts.store.js';
import { ArchiveObjects } from './archive-objects.js';
import { ArchiveRun } from './archive-run.js';
import { ArchiveSource } from './archive-source.js';
import { BatchLeaving } from './batch-leaving.js';
import { BatchMaking } from './batch-making.js';

export const TENANT = 'acme';
const ORIGIN = 'assay.test/ledger/acme';
const SIZE = 300;
const TEXT = formatCheckpoint({ origin: ORIGIN, size: SIZE, root: Buffer.alloc(32) });
const NOTE = signNote(TEXT, noteSigner(ORIGIN, Buffer.alloc(32, 1)));

/** What may go wrong with one write: its caller is told that it failed both times. */
export type Fault = 'lost' | 'kept';

/** What one process meets: it dies before its nth step, its nth write fails so. */
export interface Fate {
  diesAt?: number | undefined;
  faults: readonly (Fault | undefined)[];
}

type Ports = ConstructorParameters<typeof ArchiveRun>;

/**
 * A database and a cold store in memory, shared by any number of processes that archive, whose every step a scheduler may
 * delay and reorder, and whom no lease keeps apart. After each write, what is not hot has to be in a recorded batch whose
 * objects are there.
 */
export class InMemoryArchive {
  readonly entries: StoredEntry[] = chained(TENANT, emptyHead(ORIGIN), eventsOf(TENANT, SIZE));
  readonly hot = new Map(this.entries.map((entry) => [entry.seq, entry]));
  readonly batches: ArchiveBatch[] = [];
  readonly objects = new Map<string, { bytes: Buffer; sha256: string }>();
  readonly lost: number[] = [];
  private draft: ArchiveDraft | null = null;

  constructor(private readonly scheduler?: Scheduler) {}

  process(fate: Fate = { faults: [] }): ArchiveRun {
    const meet = this.meeting(fate);
    const checkpoints = this.checkpoints(meet) as never;
    const batches = this.records(meet) as never;
    const source = new ArchiveSource(this.hotEntries(meet) as never, this.tiles(meet) as never);
    const objects = new ArchiveObjects({
      primary: () => Promise.resolve(this.store(meet)),
      putOptions: () => ({}),
    } as never);
    const targets = { all: [] } as never;
    const keys = fakeKeys as never;
    const drafts = {
      of: () => meet.read(() => this.draft),
      keep: (draft: ArchiveDraft) => meet.write(() => void (this.draft = draft)),
    } as never;
    const holds = { of: () => Promise.resolve([]) } as never;
    const settings = { dataDir: '/nowhere', audit: { hotRetentionDays: 90, cold: { encrypt: false } } };
    const making = new BatchMaking(settings, source, checkpoints, targets, drafts, objects, holds, keys);
    const commands = { execute: () => meet.write(() => undefined) };
    const said = [{ keep: () => Promise.resolve() }, objects, { forget: () => undefined }, keys, commands];
    const leaving = new BatchLeaving(
      ...([batches, this.hotEntries(meet), ...said] as unknown as ConstructorParameters<typeof BatchLeaving>),
    );
    const previous = { assertSigned: () => Promise.resolve() };
    const ports = [
      ...[settings, fakeLedgers, checkpoints, batches, previous, making, leaving, targets],
      ...[keys, freeLeases, noReports],
    ];
    return new ArchiveRun(...(ports as unknown as Ports));
  }

  private meeting(fate: Fate) {
    let [steps, writes] = [0, 0];
    const step = async (): Promise<void> => {
      await this.scheduler?.schedule(Promise.resolve());
      if (fate.diesAt !== undefined && steps++ >= fate.diesAt) throw new Error('the process died');
    };
    const read = async <T>(value: () => T): Promise<T> => {
      await step();
      return value();
    };
    const write = async <T>(work: () => T): Promise<T> => {
      await step();
      const fault = fate.faults[writes++];
      if (fault === 'lost') throw new Error('the write was lost');
      const done = work();
      this.look();
      if (fault === 'kept') throw new Error('the reply was lost');
      return done;
    };
    return { read, write };
  }

  private look(): void {
    const holding = this.batches.filter(
      ({ jsonlKey, manifestKey, storedSha256, manifestSha256 }) =>
        this.objects.get(jsonlKey)?.sha256 === storedSha256 && this.objects.get(manifestKey)?.sha256 === manifestSha256,
    );
    for (const { seq } of this.entries) {
      if (this.hot.has(seq) || holding.some(({ startSeq, endSeq }) => startSeq <= seq && seq <= endSeq)) continue;
      this.lost.push(seq);
    }
  }

  private checkpoints({ read, write }: Meeting) {
    const checkpoint = {
      ...{ tenant: TENANT, origin: ORIGIN, size: SIZE, root: Buffer.alloc(32) },
      note: NOTE,
    };
    return {
      newestSignedBy: () => read(() => checkpoint),
      publishedSize: () => read(() => SIZE),
      smallestCovering: () => read(() => checkpoint),
      at: () => read(() => checkpoint),
      keepFor: () => write(() => true),
    };
  }

  private records({ read, write }: Meeting) {
    const ordered = (): ArchiveBatch[] => [...this.batches].sort((a, b) => a.startSeq - b.startSeq);
    return {
      newest: () => read(() => ordered().at(-1) ?? null),
      unfinished: () => read(() => ordered().find(({ state }) => state !== 'done') ?? null),
      add: (batch: ArchiveBatch) =>
        write(() => {
          const kept = this.batches.find(({ startSeq }) => startSeq === batch.startSeq);
          if (!kept) this.batches.push({ ...batch });
          return { ...(kept ?? batch) };
        }),
      get: (_tenant: string, id: string) => read(() => this.batches.find(({ _id }) => _id === id) ?? null),
      setState: (id: string, from: readonly ArchiveBatchState[], to: ArchiveBatchState) =>
        write(() => {
          const batch = this.batches.find(({ _id, state }) => _id === id && from.includes(state));
          if (batch) batch.state = to;
          return batch !== undefined;
        }),
    };
  }

  private hotEntries({ read, write }: Meeting) {
    return {
      after: (_tenant: string, seq: number, limit: number) =>
        read(() => this.entries.filter((entry) => entry.seq >= seq && this.hot.has(entry.seq)).slice(0, limit)),
      remove: async (_tenant: string, from: number, to: number) => {
        for (let seq = from; seq <= to; seq += 200) {
          await write(() => {
            for (let at = seq; at < Math.min(seq + 200, to + 1); at++) this.hot.delete(at);
          });
        }
      },
    };
  }

  private tiles({ read }: Meeting) {
    const hashes = (index: number): Buffer =>
      Buffer.concat(this.entries.slice(256 * index, 256 * (index + 1)).map(({ leaf_hash }) => leaf_hash));
    return { full: (_tenant: string, _level: number, index: number) => read(() => hashes(index)) };
  }

  private store({ read, write }: Meeting) {
    const found = (key: string) => {
      const object = this.objects.get(key);
      if (object) return { key, ...object, storedAt: new Date(0), legalHold: false };
      throw new ObjectStoreError('OBJECT_STORE.NOT_FOUND', `no object at ${key}`);
    };
    return {
      retention: false,
      head: (key: string) => read(() => found(key)),
      get: (key: string) =>
        read(() => {
          const object = found(key);
          return { ...object, bytes: object.bytes.length, body: Readable.from([object.bytes]) };
        }),
      put: (key: string, bytes: Uint8Array, { ifAbsent }: PutOptions) =>
        write(() => {
          if (ifAbsent && this.objects.has(key)) {
            const existing = found(key) as never;
            throw new ObjectStoreError('OBJECT_STORE.EXISTS', `an object at ${key}`, { existing });
          }
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          this.objects.set(key, { bytes: Buffer.from(bytes), sha256 });
          return { version: undefined };
        }),
    };
  }
}

type Meeting = ReturnType<InMemoryArchive['meeting']>;

const fakeKeys = {
  assertSigns: () => undefined,
  macIds: { current: '0123456789abcdef' },
  archiveSigner: () => Promise.resolve({ keyId: `${ORIGIN}+00000000`, sign: () => Buffer.alloc(64, 1) }),
  archiveMac: () => Buffer.alloc(32, 2),
  archiveRing: () => Promise.resolve(undefined),
};
const fakeLedgers = {
  assertOpen: () => Promise.resolve(ORIGIN),
  ledger: () => Promise.resolve({ _id: TENANT, origin: ORIGIN }),
};
const freeLeases = {
  acquire: () => Promise.resolve({}),
  release: () => Promise.resolve(),
  renew: () => Promise.resolve(true),
};
const noReports = { moved: () => undefined, failed: () => undefined };
