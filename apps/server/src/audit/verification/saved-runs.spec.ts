import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Settings } from '../../settings.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { SavedRuns } from './saved-runs.js';
import type { RunState } from './verification-engine.js';

describe('SavedRuns', () => {
  let dataDir: string;
  let saved: SavedRuns;
  const run = { id: '019a5e00-0000-7000-8000-000000000001', tenant: 'acme' };
  const state = { sizes: [3], spent_ms: 5, reading: { verifier: { version: 2 } } } as unknown as RunState;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'assay-saved-'));
    saved = new SavedRuns(await AuditKeys.load(new Settings({ ASSAY_DATA_DIR: dataDir, ASSAY_ROLES: 'ledger' })));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('open what they sealed', () => {
    expect(saved.opened({ ...run, saved: saved.sealed(run, state) })).toEqual(state);
    expect(saved.opened({ ...run, saved: undefined })).toBeUndefined();
  });

  it('begin anew with a state that somebody changed, or moved from another run or tenant', () => {
    const sealed = saved.sealed(run, state)!;
    const opened = (over: object, of = run): unknown => saved.opened({ ...of, saved: { ...sealed, ...over } });
    expect(opened({ text: sealed.text.replace('3', '4') })).toBeUndefined();
    expect(opened({ mac: Buffer.alloc(32) })).toBeUndefined();
    expect(opened({ mac: 'none' })).toBeUndefined();
    expect(opened({ mac_key_id: 'of nobody' })).toBeUndefined();
    expect(opened({}, { ...run, id: '019a5e00-0000-7000-8000-000000000002' })).toBeUndefined();
    expect(opened({}, { ...run, tenant: 'other' })).toBeUndefined();
    expect(opened({})).toEqual(state);
  });

  it('begin anew with the state of a server before this one', () => {
    const older = { ...state, reading: { verifier: { version: 1 } } } as unknown as RunState;
    expect(saved.opened({ ...run, saved: saved.sealed(run, older) })).toBeUndefined();
  });

  it('are none where a run cannot be taken up', () => {
    expect(saved.sealed(run, undefined)).toBeUndefined();
  });
});
