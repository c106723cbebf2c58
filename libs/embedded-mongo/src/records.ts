import { BsonType, decodeDocument, decodeValue, findElement, type Doc } from './bson-read.js';
import { keySpecOf, type Collection, type Index, type IndexField } from './catalog.js';
import { CommandError } from './command.error.js';
import { KeyWriter } from './key-encoding.js';
import { isPlainObject, matcherOf } from './query.js';
import type { Tables } from './store.js';

const ID = Buffer.from('_id');
/** Refused where the key is there: one look-up for the check and the write. */
const NO_OVERWRITE = { noOverwrite: true } as const;
const keys = new KeyWriter();
const partialMatchers = new WeakMap<Doc, (doc: Buffer) => boolean>();

/** One index entry that a document has or will have. */
interface Entry {
  index: Index;
  key: Buffer;
}

/** The documents of the collections and their index entries; every change keeps the two in step. */
export class Records {
  constructor(private readonly tables: Tables) {}

  get(collection: Collection, id: Buffer): Buffer | undefined {
    return this.tables.documents.get(documentKey(collection, id));
  }

  /** Throws CommandError 11000 and changes nothing when the document breaks a unique index. Call inside a write. */
  insert(collection: Collection, doc: Buffer): void {
    const { documents, entries } = this.tables;
    const id = idKeyOf(doc);
    const key = documentKey(collection, id);
    const wanted = entriesOf(collection, doc, id);
    if (!documents.putSync(key, doc, NO_OVERWRITE)) throw duplicate(collection, idIndex, doc);
    for (const [at, entry] of wanted.entries()) {
      if (entries.putSync(entry.key, id, entry.index.unique ? NO_OVERWRITE : undefined)) continue;
      for (const before of wanted.slice(0, at)) entries.removeSync(before.key);
      documents.removeSync(key);
      throw duplicate(collection, entry.index, doc);
    }
  }

  /** As `insert`, for a document that is there and keeps its `_id`. */
  replace(collection: Collection, before: Buffer, after: Buffer): void {
    const id = idKeyOf(before);
    const old = entriesOf(collection, before, id);
    const now = entriesOf(collection, after, id);
    const added = now.filter((entry) => !old.some((each) => each.key.equals(entry.key)));
    const removed = old.filter((entry) => !now.some((each) => each.key.equals(entry.key)));
    for (const { index, key } of added) {
      if (index.unique && this.tables.entries.doesExist(key)) throw duplicate(collection, index, after);
    }
    for (const entry of removed) this.tables.entries.removeSync(entry.key);
    for (const entry of added) this.tables.entries.putSync(entry.key, id);
    this.tables.documents.putSync(documentKey(collection, id), after);
  }

  remove(collection: Collection, doc: Buffer): void {
    const id = idKeyOf(doc);
    for (const entry of entriesOf(collection, doc, id)) this.tables.entries.removeSync(entry.key);
    this.tables.documents.removeSync(documentKey(collection, id));
  }

  /** Makes the entries of a new index. Throws CommandError 11000 with nothing of it left. */
  buildIndex(collection: Collection, index: Index): void {
    try {
      for (const doc of this.allOf(collection)) {
        const id = idKeyOf(doc);
        const key = entryKey(index, doc, id);
        if (!key) continue;
        if (index.unique && this.tables.entries.doesExist(key)) throw duplicate(collection, index, doc);
        this.tables.entries.putSync(key, id);
      }
    } catch (error) {
      this.dropIndex(index);
      throw error;
    }
  }

  dropIndex(index: Index): void {
    this.removeAll(this.tables.entries, index.number);
  }

  drop(collection: Collection): void {
    this.removeAll(this.tables.documents, collection.number);
    for (const index of collection.indexes) this.dropIndex(index);
  }

  allOf(collection: Collection): Iterable<Buffer> {
    return values(inChunks(this.tables.documents, collection.number));
  }

  entriesOf(index: Index): Iterable<{ key: Buffer; value: Buffer }> {
    return inChunks(this.tables.entries, index.number);
  }

  private removeAll(table: Tables['entries'], number: number): void {
    const range = { start: numberKey(number), end: numberKey(number + 1), limit: 1000 };
    for (;;) {
      const chunk = [...table.getKeys(range)];
      if (chunk.length === 0) return;
      for (const key of chunk) table.removeSync(key);
    }
  }
}

/** A table's entries of one number, read so that no cursor is open while the caller works with them. */
function* inChunks(table: Tables['entries'], number: number): Iterable<{ key: Buffer; value: Buffer }> {
  const end = numberKey(number + 1);
  let start = numberKey(number);
  for (;;) {
    const chunk = [...table.getRange({ start, end, limit: 1000, exclusiveStart: true })];
    yield* chunk;
    const last = chunk.at(-1);
    if (!last) return;
    start = last.key;
  }
}

function* values(entries: Iterable<{ value: Buffer }>): Iterable<Buffer> {
  for (const { value } of entries) yield value;
}

export const idIndex: Pick<Index, 'name' | 'fields'> = {
  name: '_id_',
  fields: [{ path: '_id', top: ID, rest: [], descending: false }],
};

/** The key of a document's `_id`, without the collection's number. */
export function idKeyOf(doc: Buffer): Buffer {
  const found = findElement(doc, 0, ID);
  keys.reset();
  return (found ? keys.element(doc, found.type, found.at) : keys.value(undefined)).take();
}

export function documentKey(collection: Collection, id: Buffer): Buffer {
  return keys.reset().uint32(collection.number).bytes(id).take();
}

/** The key of an index entry; undefined when a partial index leaves the document out. */
export function entryKey(index: Index, doc: Buffer, id: Buffer): Buffer | undefined {
  if (index.partial && !partialMatcherOf(index.partial)(doc)) return undefined;
  keys.reset().uint32(index.number);
  for (const field of index.fields) appendField(doc, field);
  if (!index.unique) keys.bytes(id);
  return keys.take();
}

function entriesOf(collection: Collection, doc: Buffer, id: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (const index of collection.indexes) {
    const key = entryKey(index, doc, id);
    if (key) entries.push({ index, key });
  }
  return entries;
}

function appendField(doc: Buffer, field: IndexField): void {
  const found = field.rest.length === 0 ? findElement(doc, 0, field.top) : undefined;
  if (!found || found.type === BsonType.array) keys.value(valueAt(doc, field), field.descending);
  else keys.element(doc, found.type, found.at, field.descending);
}

function partialMatcherOf(partial: Doc): (doc: Buffer) => boolean {
  let matches = partialMatchers.get(partial);
  if (!matches) partialMatchers.set(partial, (matches = presenceOf(partial) ?? decoded(matcherOf(partial))));
  return matches;
}

const decoded =
  (matches: (doc: Doc) => boolean) =>
  (doc: Buffer): boolean =>
    matches(decodeDocument(doc, 0));

/** For the partial index of the documents that have a field, which decodes nothing. */
function presenceOf(partial: Doc): ((doc: Buffer) => boolean) | undefined {
  const [path, ...others] = Object.keys(partial);
  if (path === undefined || others.length > 0 || path.includes('.') || path.startsWith('$')) return undefined;
  const condition = partial[path];
  if (!isPlainObject(condition) || condition['$exists'] !== true || Object.keys(condition).length > 1) return undefined;
  const name = Buffer.from(path);
  return (doc) => findElement(doc, 0, name) !== undefined;
}

function valueAt(doc: Buffer, { path, top, rest }: IndexField): unknown {
  const found = findElement(doc, 0, top);
  let value = found && decodeValue(doc, found.type, found.at);
  for (const part of rest) {
    if (Array.isArray(value)) break;
    value = isPlainObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  if (Array.isArray(value)) {
    throw new CommandError(2, `the embedded engine keeps no multikey indexes, and '${path}' is indexed and an array`);
  }
  return value;
}

function duplicate(collection: Collection, index: Pick<Index, 'name' | 'fields'>, doc: Buffer): CommandError {
  const keyValue = Object.fromEntries(index.fields.map((field) => [field.path, valueAt(doc, field) ?? null]));
  const shown = index.fields.map(({ path }) => `${path}: ${JSON.stringify(keyValue[path])}`).join(', ');
  return new CommandError(
    11000,
    `E11000 duplicate key error collection: ${collection.database}.${collection.name} index: ${index.name} dup key: { ${shown} }`,
    { keyPattern: keySpecOf(index), keyValue },
  );
}

export function numberKey(number: number): Buffer {
  return keys.reset().uint32(number).take();
}
