import { Double, Long, serialize } from 'bson';
import { assertWellFormed, decodeValue, eachElement, type Doc } from './bson-read.js';

/** https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
export const MAX_MESSAGE_BYTES = 48_000_000;

const CHECKSUM_PRESENT = 1 << 0;
const MORE_TO_COME = 1 << 1;
const REQUIRED_BITS = 0xffff;

/** One command as a client sent it. */
export interface Request {
  requestId: number;
  /** The command's own fields, as values; `documents` is only in `sequences`. */
  body: Doc;
  name: string;
  database: string;
  /** Documents as received, by field. */
  sequences: Map<string, Buffer[]>;
  /** The client wants no answer. */
  moreToCome: boolean;
  /** The old form, still used for the first hello of a connection. */
  legacy: boolean;
}

/** The bytes break the protocol: the connection is closed, and nothing else. */
export class ProtocolError extends Error {}

/** Fields that every command may carry and that change nothing here; some hold types that are not stored. */
const UNREAD = new Set(['$clusterTime', '$readPreference', 'lsid', 'documents', 'comment']);

/** Cuts a stream into messages. Throws ProtocolError as soon as a header is impossible. */
export class MessageReader {
  private chunks: Buffer[] = [];
  private buffered = 0;

  push(chunk: Buffer): Buffer[] {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const size = this.nextSize();
      if (size === undefined || this.buffered < size) return messages;
      const all = this.joined();
      messages.push(all.subarray(0, size));
      this.chunks = size < all.length ? [all.subarray(size)] : [];
      this.buffered -= size;
    }
  }

  private nextSize(): number | undefined {
    if (this.buffered < HEADER_BYTES) return undefined;
    if (this.chunks[0]!.length < HEADER_BYTES) this.chunks = [this.joined()];
    const header = this.chunks[0]!;
    const size = header.readInt32LE(0);
    if (size < HEADER_BYTES || size > MAX_MESSAGE_BYTES) {
      throw new ProtocolError(`a message of ${size} bytes; ${HEADER_BYTES} to ${MAX_MESSAGE_BYTES} are allowed`);
    }
    const opcode = header.readInt32LE(12);
    if (opcode !== OP_MSG && opcode !== OP_QUERY) throw new ProtocolError(`opcode ${opcode} is not known`);
    return size;
  }

  private joined(): Buffer {
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
  }
}

/** Throws ProtocolError when the message is malformed. */
export function requestOf(message: Buffer): Request {
  try {
    return message.readInt32LE(12) === OP_MSG ? messageRequest(message) : queryRequest(message);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError('the message is malformed', { cause: error });
  }
}

/** The bytes that answer `request`. */
export function replyOf(request: Request, reply: Buffer): Buffer {
  const prefix = request.legacy ? 20 : 5;
  const head = Buffer.alloc(HEADER_BYTES + prefix);
  head.writeInt32LE(head.length + reply.length, 0);
  head.writeInt32LE(request.requestId, 8);
  head.writeInt32LE(request.legacy ? OP_REPLY : OP_MSG, 12);
  if (request.legacy) {
    head.writeInt32LE(8, HEADER_BYTES); // AwaitCapable
    head.writeInt32LE(1, HEADER_BYTES + 16); // one document
  }
  return Buffer.concat([head, reply]);
}

/** `{cursor: {[field]: documents, id, ns}, ok: 1}` around documents as they are stored. */
export function cursorReply(field: 'firstBatch' | 'nextBatch', documents: Buffer[], id: number, ns: string): Buffer {
  const tail = Buffer.from(serialize({ id: Long.fromNumber(id), ns })).subarray(4);
  const ok = Buffer.from(serialize({ ok: new Double(1) })).subarray(4);
  const names = documents.map((_, at) => Buffer.from(`\x03${at}\0`));
  const arrayBytes = 5 + documents.reduce((sum, doc, at) => sum + doc.length + names[at]!.length, 0);
  const fieldHead = Buffer.from(`\x04${field}\0`);
  const cursorBytes = 4 + fieldHead.length + arrayBytes + tail.length;
  const cursorHead = Buffer.from('\x03cursor\0');
  const whole = Buffer.allocUnsafe(4 + cursorHead.length + cursorBytes + ok.length);
  let at = whole.writeInt32LE(whole.length, 0);
  const put = (bytes: Buffer): void => {
    at += bytes.copy(whole, at);
  };
  put(cursorHead);
  at = whole.writeInt32LE(cursorBytes, at);
  put(fieldHead);
  at = whole.writeInt32LE(arrayBytes, at);
  documents.forEach((doc, number) => {
    put(names[number]!);
    put(doc);
  });
  at = whole.writeUInt8(0, at);
  put(tail);
  put(ok);
  return whole;
}

/** `fields` with one stored document, or null, as field `name`. */
export function replyWith(fields: Doc, name: string, document: Buffer | undefined): Buffer {
  const rest = Buffer.from(serialize(fields));
  if (!document) return Buffer.from(serialize({ ...fields, [name]: null }));
  const whole = Buffer.concat([rest.subarray(0, -1), Buffer.from(`\x03${name}\0`), document, Buffer.alloc(1)]);
  whole.writeInt32LE(whole.length);
  return whole;
}

function messageRequest(message: Buffer): Request {
  const flags = message.readUInt32LE(HEADER_BYTES);
  if (flags & REQUIRED_BITS & ~(CHECKSUM_PRESENT | MORE_TO_COME))
    throw new ProtocolError(`flags ${flags} are not known`);
  const end = message.length - (flags & CHECKSUM_PRESENT ? 4 : 0);
  const sequences = new Map<string, Buffer[]>();
  let body: Buffer | undefined;
  let at = HEADER_BYTES + 4;
  while (at < end) {
    const kind = message[at++];
    if (kind === 0) {
      if (body) throw new ProtocolError('a message has one body, found two');
      const bodyEnd = assertWellFormed(message, at, end, false);
      body = message.subarray(at, bodyEnd);
      at = bodyEnd;
    } else if (kind === 1) at = readSequence(message, at, end, sequences);
    else throw new ProtocolError(`section kind ${kind} is not known`);
  }
  if (!body) throw new ProtocolError('the message has no body');
  return {
    ...commandOf(body, sequences),
    requestId: message.readInt32LE(4),
    moreToCome: (flags & MORE_TO_COME) !== 0,
    legacy: false,
  };
}

function readSequence(message: Buffer, at: number, end: number, into: Map<string, Buffer[]>): number {
  const size = message.readInt32LE(at);
  const close = at + size;
  const nameEnd = message.indexOf(0, at + 4);
  if (size < 5 || close > end || nameEnd < 0 || nameEnd >= close) throw new ProtocolError('a section is malformed');
  const name = message.toString('utf8', at + 4, nameEnd);
  if (into.has(name)) throw new ProtocolError(`two sections named '${name}'`);
  const documents: Buffer[] = [];
  let pos = nameEnd + 1;
  while (pos < close) {
    const docEnd = pos + message.readInt32LE(pos);
    if (docEnd < pos + 5 || docEnd > close) throw new ProtocolError('a section is malformed');
    documents.push(message.subarray(pos, docEnd));
    pos = docEnd;
  }
  into.set(name, documents);
  return close;
}

function queryRequest(message: Buffer): Request {
  const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
  const ns = message.toString('utf8', HEADER_BYTES + 4, nameEnd);
  const at = nameEnd + 9;
  if (nameEnd < 0 || !ns.endsWith('.$cmd')) throw new ProtocolError(`OP_QUERY is for commands only, found ${ns}`);
  const end = assertWellFormed(message, at, message.length, false);
  const command = commandOf(message.subarray(at, end), new Map(), ns.slice(0, -5));
  if (!['hello', 'isMaster', 'ismaster'].includes(command.name)) {
    throw new ProtocolError(`OP_QUERY is for hello only, found ${command.name}`);
  }
  return { ...command, requestId: message.readInt32LE(4), moreToCome: false, legacy: true };
}

function commandOf(
  raw: Buffer,
  sequences: Map<string, Buffer[]>,
  database?: string,
): Pick<Request, 'body' | 'name' | 'database' | 'sequences'> {
  const body: Doc = {};
  let first: string | undefined;
  let nested: Buffer | undefined;
  eachElement(raw, 0, (type, nameStart, nameEnd, at, end) => {
    const name = raw.toString('utf8', nameStart, nameEnd);
    first ??= name;
    if (name === 'documents' && type === 4) nested = raw.subarray(at, end);
    if (!UNREAD.has(name) && name !== '__proto__') body[name] = unreadable(() => decodeValue(raw, type, at));
  });
  if (first === undefined) throw new ProtocolError('the command is empty');
  if (nested) sequences.set('documents', documentsIn(nested));
  return { body, name: first, database: database ?? databaseIn(body), sequences };
}

function databaseIn(body: Doc): string {
  const name = body['$db'];
  if (typeof name !== 'string' || name === '') throw new ProtocolError('the command names no database');
  return name;
}

/** A value that cannot be read is an error of the command, not of the protocol: whoever looks at it is told. */
function unreadable(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return new Unreadable(error);
  }
}

export class Unreadable {
  constructor(readonly error: unknown) {}
}

function documentsIn(array: Buffer): Buffer[] {
  const documents: Buffer[] = [];
  eachElement(array, 0, (type, _start, _end, at, end) => {
    if (type !== 3) throw new ProtocolError('documents holds something that is no document');
    documents.push(array.subarray(at, end));
  });
  return documents;
}
