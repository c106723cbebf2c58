import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import { startEmbeddedMongo } from '#libs/embedded-mongo';
import { deviations } from './deviations.js';

/** The engine that MONGODB_URI names, or the embedded one; each suite works in a database of its own. */
export interface EngineUnderTest {
  uri: string;
  embedded: boolean;
  client: mongoose.mongo.MongoClient;
  db: mongoose.mongo.Db;
  close(): Promise<void>;
}

const external = process.env['MONGODB_URI'];

export async function openEngineUnderTest(): Promise<EngineUnderTest> {
  const dataDir = mkdtempSync(join(tmpdir(), 'data-suite-'));
  const engine = external ? undefined : await startEmbeddedMongo({ dataDir });
  const uri = external ?? engine!.uri;
  const client = await new mongoose.mongo.MongoClient(uri, {
    writeConcern: { w: 'majority', journal: true },
  }).connect();
  const db = client.db(`suite_${new mongoose.mongo.ObjectId().toHexString()}`);
  return {
    uri,
    embedded: engine !== undefined,
    client,
    db,
    async close() {
      await db.dropDatabase();
      await client.close();
      await engine?.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** A test that holds for every engine, or is listed as a deviation of the external one and fails there. */
export function conforms(name: string, test: () => Promise<void>): void {
  it(name, async () => {
    if (!external || !deviations.has(name)) return test();
    await expect(test()).rejects.toThrow();
  });
}

/** What the server refused with. */
export async function refusal(act: Promise<unknown>): Promise<mongoose.mongo.MongoServerError> {
  const error = await act.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof mongoose.mongo.MongoServerError) return error;
  throw new Error(`expected a server error, found ${String(error)}`);
}
