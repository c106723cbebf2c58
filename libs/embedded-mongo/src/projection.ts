import { serialize } from 'bson';
import { Query } from 'mingo/query';
import { decodeDocument, eachElement, type Doc } from './bson-read.js';
import { asCommandErrors, mingoOptions } from './query.js';

/** The documents a client sees instead of the stored ones; undefined when they are the same. */
export type Projected = (doc: Buffer) => Buffer;

/** Top-level fields are copied as bytes; paths and operators go through mingo. */
export function projectionOf(projection: Doc): Projected | undefined {
  const entries = Object.entries(projection);
  if (entries.length === 0) return undefined;
  const simple = entries.every(([path, value]) => isFlag(value) && !path.includes('.') && !path.startsWith('$'));
  const others = entries.filter(([path]) => path !== '_id');
  const including = others.length > 0 ? Boolean(others[0]![1]) : Boolean(projection['_id']);
  if (!simple || others.some(([, value]) => Boolean(value) !== including)) return throughMingo(projection);
  const named = new Set(others.map(([path]) => path));
  const withId = '_id' in projection ? Boolean(projection['_id']) : true;
  return (doc) => copied(doc, (name) => (name === '_id' ? withId : named.has(name) === including));
}

function isFlag(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function throughMingo(projection: Doc): Projected {
  const query = asCommandErrors(2, () => new Query({}, mingoOptions()));
  return (doc) =>
    asCommandErrors(2, () => {
      const [shown] = query.find<Doc>([decodeDocument(doc, 0)], projection).all();
      return Buffer.from(serialize(shown ?? {}));
    });
}

function copied(doc: Buffer, wanted: (name: string) => boolean): Buffer {
  const out = Buffer.allocUnsafe(doc.length);
  let at = 4;
  eachElement(doc, 0, (_type, nameStart, nameEnd, _valueAt, end) => {
    if (wanted(doc.toString('utf8', nameStart, nameEnd))) at += doc.copy(out, at, nameStart - 1, end);
  });
  out[at++] = 0;
  out.writeInt32LE(at, 0);
  return out.subarray(0, at);
}
