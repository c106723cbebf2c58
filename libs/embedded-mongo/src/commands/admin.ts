import { randomUUID } from 'node:crypto';
import { Binary, UUID } from 'bson';
import { MAX_DOCUMENT_BYTES } from '../bson-read.js';
import type { Command } from '../engine.js';
import { MAX_MESSAGE_BYTES } from '../wire.js';

/** MongoDB 7.0's; what we answer as a standalone server. */
const MAX_WIRE_VERSION = 21;
const VERSION = '7.0.0';
const SESSION_MINUTES = 30;
let connections = 0;

const hello: Command = (_engine, { name, body }) => ({
  ...(name === 'hello' ? { isWritablePrimary: true } : { ismaster: true }),
  ...(body['helloOk'] === true ? { helloOk: true } : {}),
  maxBsonObjectSize: MAX_DOCUMENT_BYTES,
  maxMessageSizeBytes: MAX_MESSAGE_BYTES,
  maxWriteBatchSize: 100_000,
  localTime: new Date(),
  logicalSessionTimeoutMinutes: SESSION_MINUTES,
  connectionId: ++connections,
  minWireVersion: 0,
  maxWireVersion: MAX_WIRE_VERSION,
  readOnly: false,
});

const nothing: Command = () => ({});

/** What drivers and Mongoose send on their own. */
export const adminCommands: Record<string, Command> = {
  hello,
  isMaster: hello,
  ping: nothing,
  buildInfo: () => ({
    version: VERSION,
    versionArray: [7, 0, 0, 0],
    modules: ['assay-embedded'],
    bits: 64,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
  }),
  startSession: () => ({
    id: { id: new Binary(UUID.createFromHexString(randomUUID()).buffer, 4) },
    timeoutMinutes: SESSION_MINUTES,
  }),
  refreshSessions: nothing,
  endSessions: nothing,
  killSessions: nothing,
  serverStatus: ({ counters, cursors }) => ({
    version: VERSION,
    process: 'assay-embedded',
    localTime: new Date(),
    metrics: {
      cursor: { open: { total: cursors.size } },
      document: {
        deleted: counters.deleted,
        inserted: counters.inserted,
        returned: counters.returned,
        updated: counters.updated,
      },
      queryExecutor: { scanned: counters.keysExamined, scannedObjects: counters.docsExamined },
    },
  }),
};
