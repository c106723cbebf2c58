import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { CommandBus } from '@nestjs/cqrs';
import type { RecordFact } from '../audit/index.js';
import { serverLog } from '../http/server-log.js';
import { Settings } from '../settings.js';
import { FileArchive } from './file-archive.js';

const SECRET = 'correct-horse-battery';
const ABC = { bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' };

let folder: string;
let standIn: { url: string; tokenUrl: string; close(): Promise<void> };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-archive-'));
  const path = resolve(import.meta.dirname, '../../../../infrastructure/dev/archive-stand-in.mjs');
  const { startArchiveStandIn } = (await import(path)) as {
    startArchiveStandIn: (options: object) => Promise<typeof standIn>;
  };
  standIn = await startArchiveStandIn({ folder, clientId: 'assay', clientSecret: SECRET });
});
afterAll(async () => {
  await standIn.close();
  await rm(folder, { recursive: true, force: true });
});

function archiveWith(env: Record<string, string>) {
  const lines: Record<string, unknown>[] = [];
  const facts: RecordFact['draft'][] = [];
  const settings = new Settings(env);
  const log = serverLog(settings, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  const execute = async ({ draft }: RecordFact) => void facts.push(draft);
  const archive = new FileArchive(settings, log, { execute } as unknown as CommandBus);
  const put = () => archive.put({ name: 'job/a.zip', open: async () => Readable.from([Buffer.from('abc')]), ...ABC });
  return { archive, put, lines, facts };
}

const complete = (secret: string) => ({
  FAA_URL: standIn.url,
  FAA_TOKEN_URL: standIn.tokenUrl,
  FAA_CLIENT_ID: 'assay',
  FAA_CLIENT_SECRET: secret,
});

describe('FileArchive', () => {
  it('tells the log of a token what it is for, and how long it is and lives; the ledger the measures', async () => {
    const { put, lines, facts } = archiveWith(complete(SECRET));
    await put();
    const measures = { expires_in_sec: 300, access_token_length: 43 };
    expect(lines).toMatchObject([
      {
        level: 'info',
        action: 'oauth.token_obtained',
        scope: 'files:upload.write',
        token_type: 'Bearer',
        ...measures,
      },
    ]);
    expect(facts).toMatchObject([{ kind: 'oauth.token_obtained', scope: { tenant: 'system' }, data: measures }]);
  });

  it('tells the log of a refused token what it was for, the status and the code, never the secret', async () => {
    const { put, lines, facts } = archiveWith(complete('another-secret'));
    await expect(put()).rejects.toMatchObject({ name: 'FAAUnauthorizedError' });
    const outcome = { status: 401, error_code: 'invalid_client' };
    expect(lines).toMatchObject([
      { level: 'warn', action: 'oauth.token_endpoint_error', scope: 'files:upload.write', ...outcome },
    ]);
    expect(facts).toMatchObject([{ kind: 'oauth.token_endpoint_error', data: outcome }]);
    expect(JSON.stringify([lines, facts])).not.toContain('another-secret');
  });

  it('names the settings it lacks, and no value', () => {
    const { archive } = archiveWith({ FAA_URL: standIn.url, FAA_CLIENT_SECRET: SECRET });
    const message = "expected the file archive's settings, found unset: FAA_TOKEN_URL, FAA_CLIENT_ID";
    expect(() => archive.assertConfigured()).toThrow(
      expect.objectContaining({ code: 'PROMOTE.NOT_CONFIGURED', message }),
    );
  });
});
