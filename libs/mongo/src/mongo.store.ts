import mongoose from 'mongoose';
import { startEmbeddedMongo } from '#libs/embedded-mongo';
import { MongoError } from './mongo.errors.js';

/** How long a first connection may take before the process gives up, in milliseconds. */
const CONNECT_MS = 10_000;

/** A connection string that says which database; one that does not gets `assay`. */
const NAMES_DATABASE = /^mongodb(\+srv)?:\/\/[^/]+\/[^?]/;

/**
 * The one connection to the database: the embedded engine, or the server that `uri` names.
 *
 * Every write is acknowledged by a majority and its journal, every read is a majority read: what a caller has seen
 * survives a failover.
 */
export class MongoStore {
  private constructor(
    readonly connection: mongoose.Connection,
    readonly uri: string,
    readonly embedded: boolean,
    private readonly stopEngine: () => Promise<void>,
  ) {}

  /**
   * Rejects with MONGO.URI_INVALID, MONGO.UNREACHABLE when nothing answers at `uri`, and with the engine's own code (for instance
   * EMBEDDED.LOCKED) when the embedded engine cannot start on `dataDir`.
   */
  static async open({ uri, dataDir }: { uri?: string | undefined; dataDir: string }): Promise<MongoStore> {
    if (uri !== undefined) return new MongoStore(await connected(uri), uri, false, async () => {});
    const engine = await startEmbeddedMongo({ dataDir });
    try {
      return new MongoStore(await connected(engine.uri), engine.uri, true, () => engine.stop());
    } catch (error) {
      await engine.stop();
      throw error;
    }
  }

  /** The driver's collection, for writes that want no schema between them and the store. */
  collection<T extends mongoose.mongo.Document>(name: string): mongoose.mongo.Collection<T> {
    return this.connection.getClient().db(this.connection.name).collection<T>(name);
  }

  /**
   * The STORE's clock. What `$currentDate` wrote is compared with it, so that the clocks of the processes never
   * decide who holds a lease. At most one round trip old: an expiry is seen late, never early.
   */
  async now(): Promise<Date> {
    const hello = await this.connection.getClient().db(this.connection.name).command({ hello: 1 });
    return hello['localTime'] as Date;
  }

  /** Rejects when the database does not answer. */
  async ping(): Promise<void> {
    await this.connection.getClient().db(this.connection.name).command({ ping: 1 });
  }

  async close(): Promise<void> {
    await this.connection.close();
    await this.stopEngine();
  }
}

async function connected(uri: string): Promise<mongoose.Connection> {
  const connection = mongoose.createConnection(uri, {
    autoIndex: false,
    autoCreate: false,
    serverSelectionTimeoutMS: CONNECT_MS,
    maxPoolSize: 32,
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    ...(NAMES_DATABASE.test(uri) ? {} : { dbName: 'assay' }),
  });
  try {
    return await connection.asPromise();
  } catch (cause) {
    await connection.destroy().catch(() => undefined);
    // The driver's parser has classes of its own beside the driver's; what they say may quote the string.
    if (['MongoParseError', 'MongoRuntimeError'].includes((cause as Error).name)) {
      throw new MongoError(
        'MONGO.URI_INVALID',
        'expected a connection string mongodb://<host>/<database>?<options>, found another text',
        { cause },
      );
    }
    throw new MongoError('MONGO.UNREACHABLE', `the database did not answer within ${CONNECT_MS} ms`, { cause });
  }
}
