import type { Command } from '../engine.js';
import { entryKey, idKeyOf } from '../records.js';
import { CommandError } from '../command.error.js';
import { collectionName } from './arguments.js';

/** MongoDB's `validate`: every index compared with every document, both ways. */
export const validate: Command = ({ catalog, records }, request) => {
  const name = collectionName(request);
  const collection = catalog.find(request.database, name);
  if (!collection) throw new CommandError(26, `Collection '${request.database}.${name}' does not exist to validate.`);
  const errors: string[] = [];
  const expected = new Map(collection.indexes.map((index) => [index, new Map<string, string>()]));
  let nrecords = 0;
  for (const doc of records.allOf(collection)) {
    nrecords++;
    const id = idKeyOf(doc);
    for (const [index, keys] of expected) {
      const key = entryKey(index, doc, id)?.toString('latin1');
      if (key === undefined) continue;
      if (keys.has(key)) errors.push(`index ${index.name} stands for two documents at one key`);
      keys.set(key, id.toString('latin1'));
    }
  }
  const keysPerIndex: Record<string, number> = { _id_: nrecords };
  for (const [index, keys] of expected) {
    let found = 0;
    for (const { key, value } of records.entriesOf(index)) {
      found++;
      if (keys.get(key.toString('latin1')) !== value.toString('latin1')) {
        errors.push(`index ${index.name} has an entry that no document makes`);
      }
    }
    if (found !== keys.size) errors.push(`index ${index.name}: expected ${keys.size} entries, found ${found}`);
    keysPerIndex[index.name] = found;
  }
  return {
    ns: `${request.database}.${name}`,
    nrecords,
    nIndexes: collection.indexes.length + 1,
    keysPerIndex,
    valid: errors.length === 0,
    errors,
  };
};
