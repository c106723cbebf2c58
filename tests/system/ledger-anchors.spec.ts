import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseVerifierKey, verifierKeyText, verifyNote } from '#libs/ledger';
import { startServer, type RunningServer } from '#libs/testing';
import { startWitness, type RunningWitness } from '../../apps/server/src/audit/anchors/witness-process.fixture.js';
import { AuditKeys } from '../../apps/server/src/audit/keys/audit-keys.js';
import { Settings } from '../../apps/server/src/settings.js';
import { get, until } from './server.fixture.js';

interface States {
  published_size: number;
  anchors: { kind: string; size: number | null }[];
}

/** The real server, a witness in a process of its own, and an anchor store in a folder of its own. */
describe('a ledger that is anchored with others', () => {
  let folder: string;
  let vkeys: string[];
  let witness: RunningWitness;
  let server: RunningServer | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-anchored-'));
    await mkdir(join(folder, 'elsewhere'));
    vkeys = await keysMadeIn(join(folder, 'data'));
    witness = await startWitness(join(folder, 'witness'), 'w.example/1', vkeys);
    await writeFile(join(folder, 'policy'), `witness w ${witness.vkey} ${witness.url}\nquorum w\n`);
  });
  afterAll(async () => {
    await server?.remove();
    await witness.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** The verifier keys of a server that has never run: what its operator gives to that of the witness. */
  async function keysMadeIn(dataDir: string): Promise<string[]> {
    const keys = await AuditKeys.load(new Settings({ ASSAY_DATA_DIR: dataDir }), { signs: true });
    const tenants = ['default', 'system'];
    return tenants.flatMap((tenant) => keys.verifierKeys(tenant, `assay.local/ledger/${tenant}`)).map(verifierKeyText);
  }

  async function start(): Promise<RunningServer> {
    const env = {
      AUDIT_ANCHOR_URL: pathToFileURL(join(folder, 'elsewhere')).href,
      AUDIT_WITNESS_POLICY: join(folder, 'policy'),
      AUDIT_ANCHOR_MINUTES: '0.01',
    };
    server = await startServer({ dataDir: join(folder, 'data'), embedded: true, env });
    return server;
  }

  /** Resolves when both others have more than so many entries; each question with another filter is an event. */
  async function anchoredBeyond(running: RunningServer, size: number): Promise<void> {
    for (const id of ['one', 'two', 'three']) await get(running, `/audit/events?limit=1&job_id=${id}-${size}`);
    await until(async () => {
      const states = (await (await get(running, '/audit/anchors')).json()) as States;
      return states.anchors.every((anchor) => (anchor.size ?? 0) > size);
    });
  }

  it('carries the cosignature of the witness, and verifies as anchored', async () => {
    const running = await start();
    await anchoredBeyond(running, 0);
    const key = parseVerifierKey(witness.vkey);
    const authorization = `Bearer ${running.apiKey}`;
    await until(async () => {
      const answer = await fetch(`${running.url}/tlog/default/checkpoint`, { headers: { authorization } });
      const note = await answer.text();
      return note.includes(key.name) && verifyNote(note, [key]).verified.length === 1;
    });
    const report = (await (await get(running, `/audit/verify?vkey=${encodeURIComponent(vkeys[0]!)}`)).json()) as {
      tier: string;
      anchors: { kind: string }[];
    };
    expect(report.tier).toBe('anchored');
    expect(new Set(report.anchors.map(({ kind }) => kind))).toEqual(new Set(['object_store', 'witness']));
    await running.stop();
  });

  it('is suspended when database, keys and marks are all set back, by what lies elsewhere', async () => {
    await cp(join(folder, 'data'), join(folder, 'backup'), { recursive: true });
    const running = await start();
    const { published_size } = (await (await get(running, '/audit/anchors')).json()) as States;
    await anchoredBeyond(running, published_size);
    await running.kill();
    await rm(join(folder, 'data'), { recursive: true });
    await cp(join(folder, 'backup'), join(folder, 'data'), { recursive: true });

    const restored = await start();
    expect(restored.log()).toContain('audit.suspended');
    const report = (await (await get(restored, '/audit/verify')).json()) as { tier: string };
    expect(report.tier).toBe('broken');
  });
});
