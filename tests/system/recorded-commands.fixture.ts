import mongoose from 'mongoose';
import type { WireProxy } from '#libs/testing';

type Doc = Record<string, unknown>;

/** One find, count, aggregate, distinct or findAndModify, or one statement of an update or delete. */
export interface RecordedCommand {
  name: string;
  collection: string;
  database: string;
  /** What `explain` takes. */
  body: Doc;
  /** The command with its values left out: what an index is made for. */
  shape: string;
}

/** How a command looks at its collection, by `explain`. */
export interface Cost {
  shape: string;
  returned: number;
  keys: number;
  documents: number;
  stage: 'IXSCAN' | 'COLLSCAN';
}

const OP_MSG = 2013;
const SECTIONS_AT = 20;
const { deserialize } = mongoose.mongo.BSON;

/** All commands that read by a filter and pass the proxy from now on. */
export function recordedCommands(proxy: WireProxy): RecordedCommand[] {
  const commands: RecordedCommand[] = [];
  proxy.onRequest = (message) => {
    if (message.readInt32LE(12) === OP_MSG) commands.push(...commandsIn(bodyOf(message)));
  };
  return commands;
}

export async function costOf(client: mongoose.mongo.MongoClient, command: RecordedCommand): Promise<Cost> {
  const answer = await client
    .db(command.database)
    .command({ explain: command.body, verbosity: 'executionStats' }, { promoteValues: true });
  const { nReturned, totalKeysExamined, totalDocsExamined } = answer['executionStats'] as Record<string, number>;
  return {
    shape: command.shape,
    returned: nReturned!,
    keys: totalKeysExamined!,
    documents: totalDocsExamined!,
    stage: JSON.stringify(answer['queryPlanner']).includes('COLLSCAN') ? 'COLLSCAN' : 'IXSCAN',
  };
}

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg */
function bodyOf(message: Buffer): Doc {
  const body: Doc = {};
  let at = SECTIONS_AT;
  while (at < message.length) {
    const kind = message[at++];
    const end = at + message.readInt32LE(at);
    if (kind === 0) Object.assign(body, deserialize(message.subarray(at, end)));
    else {
      const nameEnd = message.indexOf(0, at + 4);
      const documents: Doc[] = [];
      for (let from = nameEnd + 1; from < end; from += message.readInt32LE(from)) {
        documents.push(deserialize(message.subarray(from, from + message.readInt32LE(from))));
      }
      body[message.toString('utf8', at + 4, nameEnd)] = documents;
    }
    at = end;
  }
  return body;
}

/** What every command carries, and no explained one may. */
const ABOUT_THE_CONNECTION = ['lsid', 'readConcern', 'writeConcern'];

function commandsIn({ $db, ...whole }: Doc): RecordedCommand[] {
  const body = Object.fromEntries(Object.entries(whole).filter(([field]) => !ABOUT_THE_CONNECTION.includes(field)));
  const name = Object.keys(body)[0]!;
  const command = { name, collection: String(body[name]), database: String($db) };
  const list = { update: 'updates', delete: 'deletes' }[name];
  if (list !== undefined) {
    return (body[list] as Doc[]).map((statement) => ({
      ...command,
      body: { [name]: body[name], [list]: [statement] },
      shape: shapeOf(name, command.collection, statement['q'], undefined),
    }));
  }
  if (!['find', 'count', 'aggregate', 'distinct', 'findAndModify'].includes(name)) return [];
  const filter = body['filter'] ?? body['query'] ?? body['pipeline'];
  return [{ ...command, body, shape: shapeOf(name, command.collection, filter, body['sort']) }];
}

function shapeOf(name: string, collection: string, filter: unknown, sort: unknown): string {
  return `${name} ${collection} ${withoutValues(filter)}${sort === undefined ? '' : ` sort ${JSON.stringify(sort)}`}`;
}

function withoutValues(value: unknown): string {
  if (Array.isArray(value) && value.some(isPlain)) return `[${value.map(withoutValues).join(', ')}]`;
  if (!isPlain(value)) return '?';
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${withoutValues(inner)}`)
    .join(', ')}}`;
}

function isPlain(value: unknown): value is Doc {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
