import { Catalog } from './catalog.js';
import { CommandError } from './command.error.js';
import { Cursors } from './cursors.js';
import type { Doc } from './bson-read.js';
import { Records } from './records.js';
import type { Cost } from './scan.js';
import { openTables, WriteQueue, type Tables } from './store.js';
import type { Request } from './wire.js';

/** What a command works with. */
export interface Engine {
  tables: Tables;
  catalog: Catalog;
  records: Records;
  writes: WriteQueue;
  cursors: Cursors;
  counters: Counters;
}

/** Since the start; shown by serverStatus under MongoDB's names. */
export interface Counters extends Cost {
  returned: number;
  inserted: number;
  updated: number;
  deleted: number;
}

/** A reply as values (`ok` is added), or as finished BSON. */
export type Reply = Doc | Buffer;
export type Command = (engine: Engine, request: Request) => Reply | Promise<Reply>;

/** `sync: false` exists for the test that shows that the durability test can fail. */
export function openEngine(path: string, { sync }: { sync: boolean }): Engine {
  const tables = openTables(path, { sync });
  const catalog = new Catalog(tables);
  return {
    tables,
    catalog,
    records: new Records(tables),
    writes: new WriteQueue(
      tables.root,
      (error) => error instanceof CommandError,
      () => catalog.reload(),
    ),
    cursors: new Cursors(),
    counters: { keysExamined: 0, docsExamined: 0, returned: 0, inserted: 0, updated: 0, deleted: 0 },
  };
}

export async function closeEngine(engine: Engine): Promise<void> {
  await engine.writes.idle();
  await engine.tables.root.close();
}
