import { open, type Database, type RootDatabase } from 'lmdb';

/** lmdb's own typings leave out what `putSync` answers: false when `noOverwrite` kept it from writing. */
interface Table extends Omit<Database<Buffer, Buffer>, 'putSync'> {
  putSync(key: Buffer, value: Buffer, options?: { noOverwrite: true }): boolean;
}

/** The LMDB file and its three tables. Keys and values are raw bytes. */
export interface Tables {
  root: RootDatabase<Buffer, Buffer>;
  /** `<db>.<collection>` to its description, JSON. */
  catalog: Table;
  /** Collection number and the key of `_id` to the document as received. */
  documents: Table;
  /** Index number and the keys of its fields (and of `_id`, unless unique) to the key of `_id`. */
  entries: Table;
}

/** `sync: false` exists for the test that shows that the durability test can fail. */
export function openTables(path: string, { sync }: { sync: boolean }): Tables {
  const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const files = { path, permissionsMode: 0o600 };
  const root = open<Buffer, Buffer>({
    ...files,
    noSubdir: true,
    maxDbs: 4,
    // A commit resolves when it is on the disk, not before: acknowledged means durable.
    overlappingSync: false,
    noSync: !sync,
    ...options,
  });
  return {
    root,
    catalog: root.openDB('catalog', options) as unknown as Table,
    documents: root.openDB('documents', options) as unknown as Table,
    entries: root.openDB('entries', options) as unknown as Table,
  };
}

interface Waiting {
  work: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs writes one after another, those that have arrived at the same time in one LMDB transaction (group commit across
 * connections). The thread waits for the disk: what arrives meanwhile is the next group, and a read waits no longer
 * than one commit. Handing the commit to another thread costs more than the wait on every disk but the slowest.
 *
 * A unit of work takes back what it has put before it throws a CommandError, or checks first. Any other error undoes
 * the whole group and rejects all of it.
 */
export class WriteQueue {
  private waiting: Waiting[] = [];
  private running: Promise<void> | undefined;

  constructor(
    private readonly root: RootDatabase<Buffer, Buffer>,
    private readonly isExpected: (error: unknown) => boolean,
    private readonly undone: () => void,
  ) {}

  /** Resolves when what `work` wrote is durable. */
  run<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ work, resolve, reject });
      this.running ??= this.drain();
    });
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private async drain(): Promise<void> {
    // One turn of the event loop lets requests that have arrived together share the commit.
    await new Promise(setImmediate);
    this.running = undefined;
    this.commitGroup();
  }

  private commitGroup(): void {
    const group = this.waiting;
    this.waiting = [];
    try {
      const settle = this.root.transactionSync(() => group.map((each) => this.outcomeOf(each)));
      for (const answer of settle) answer();
    } catch (error) {
      this.undone();
      for (const each of group) each.reject(error);
    }
  }

  private outcomeOf({ work, resolve, reject }: Waiting): () => void {
    try {
      const value = work() as never;
      return () => resolve(value);
    } catch (error) {
      if (!this.isExpected(error)) throw error;
      return () => reject(error);
    }
  }
}
