import { EJSON } from 'bson';
import type { Doc } from './bson-read.js';
import { CommandError } from './command.error.js';
import type { Tables } from './store.js';

export interface IndexField {
  path: string;
  /** The first part of the path, and its bytes. */
  top: Buffer;
  rest: string[];
  descending: boolean;
}

export interface Index {
  /** Starts the index's keys in the table of entries. */
  number: number;
  name: string;
  fields: IndexField[];
  unique: boolean;
  partial: Doc | undefined;
}

export interface Collection {
  /** Starts the collection's keys in the table of documents. */
  number: number;
  database: string;
  name: string;
  /** Without that of `_id`, which is the order of the documents themselves. */
  indexes: Index[];
}

interface StoredIndex {
  number: number;
  name: string;
  key: [string, 1 | -1][];
  unique: boolean;
  partial?: string;
}

interface StoredCollection {
  number: number;
  indexes: StoredIndex[];
}

const NEXT_NUMBER = Buffer.from('\0next');

/** What collections and indexes there are. Changes are made inside a write, and read back when a write is undone. */
export class Catalog {
  private readonly byNamespace = new Map<string, Collection>();
  private nextNumber = 1;

  constructor(private readonly tables: Tables) {
    this.reload();
  }

  reload(): void {
    this.byNamespace.clear();
    this.nextNumber = this.tables.catalog.get(NEXT_NUMBER)?.readUInt32BE(0) ?? 1;
    for (const { key, value } of this.tables.catalog.getRange({ start: Buffer.from([1]) })) {
      const namespace = key.toString('utf8');
      const stored = JSON.parse(value.toString('utf8')) as StoredCollection;
      const dot = namespace.indexOf('.');
      this.byNamespace.set(namespace, {
        number: stored.number,
        database: namespace.slice(0, dot),
        name: namespace.slice(dot + 1),
        indexes: stored.indexes.map(indexOf),
      });
    }
  }

  find(database: string, name: string): Collection | undefined {
    return this.byNamespace.get(`${database}.${name}`);
  }

  all(): Collection[] {
    return [...this.byNamespace.values()];
  }

  in(database: string): Collection[] {
    return this.all().filter((collection) => collection.database === database);
  }

  create(database: string, name: string): Collection {
    assertNamespace(database, name);
    const collection: Collection = { number: this.number(), database, name, indexes: [] };
    this.byNamespace.set(`${database}.${name}`, collection);
    this.save(collection);
    return collection;
  }

  findOrCreate(database: string, name: string): Collection {
    return this.find(database, name) ?? this.create(database, name);
  }

  drop(collection: Collection): void {
    const namespace = `${collection.database}.${collection.name}`;
    this.byNamespace.delete(namespace);
    this.tables.catalog.removeSync(Buffer.from(namespace));
  }

  addIndex(collection: Collection, description: Omit<Index, 'number'>): Index {
    const index = { ...description, number: this.number() };
    collection.indexes.push(index);
    this.save(collection);
    return index;
  }

  removeIndex(collection: Collection, index: Index): void {
    collection.indexes.splice(collection.indexes.indexOf(index), 1);
    this.save(collection);
  }

  private number(): number {
    const number = this.nextNumber++;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.nextNumber);
    this.tables.catalog.putSync(NEXT_NUMBER, bytes);
    return number;
  }

  private save(collection: Collection): void {
    const stored: StoredCollection = { number: collection.number, indexes: collection.indexes.map(storedIndexOf) };
    this.tables.catalog.putSync(
      Buffer.from(`${collection.database}.${collection.name}`),
      Buffer.from(JSON.stringify(stored)),
    );
  }
}

export function indexField(path: string, descending: boolean): IndexField {
  const [top = '', ...rest] = path.split('.');
  return { path, top: Buffer.from(top), rest, descending };
}

/** The `key` document of an index, as clients give and see it. */
export function keySpecOf(index: Pick<Index, 'fields'>): Record<string, 1 | -1> {
  return Object.fromEntries(index.fields.map(({ path, descending }) => [path, descending ? -1 : 1]));
}

function indexOf({ number, name, key, unique, partial }: StoredIndex): Index {
  return {
    number,
    name,
    unique,
    fields: key.map(([path, direction]) => indexField(path, direction === -1)),
    partial: partial === undefined ? undefined : (EJSON.parse(partial) as Doc),
  };
}

function storedIndexOf({ number, name, fields, unique, partial }: Index): StoredIndex {
  return {
    number,
    name,
    unique,
    key: fields.map(({ path, descending }) => [path, descending ? -1 : 1]),
    ...(partial === undefined ? {} : { partial: EJSON.stringify(partial) }),
  };
}

function assertNamespace(database: string, name: string): void {
  // https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
  if (name === '' || name.includes('\0') || name.includes('$') || name.startsWith('system.')) {
    throw new CommandError(73, `Invalid namespace specified '${database}.${name}'`);
  }
  if (Buffer.byteLength(`${database}.${name}`) > 255) {
    throw new CommandError(73, `Fully qualified namespace is too long: '${database}.${name}'`);
  }
}
