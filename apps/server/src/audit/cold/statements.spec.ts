import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envelopeText } from '#libs/archive';
import { canonicalJson } from '#libs/ledger';
import { Settings } from '../../settings.js';
import { RECEIPT_TYPE } from '../erasure/receipt.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { PublicKeys } from '../keys/public-keys.js';
import { TOMBSTONE_TYPE } from '../retention/tombstone.js';
import type { Checkpoints } from '../storage/checkpoints.store.js';
import type { LedgerKeys, StoredPublicKey } from '../storage/ledger-keys.store.js';
import type { ColdStores } from './cold-stores.js';
import { Statements } from './statements.js';

const TENANT = 'acme';
const ORIGIN = `assay.test/ledger/${TENANT}`;
const SAID = { version: 1, tenant: TENANT, origin: ORIGIN } as const;

describe.each([RECEIPT_TYPE, TOMBSTONE_TYPE])('Statements.said of %s', (type) => {
  let dataDir: string;
  let keys: AuditKeys;
  let published: StoredPublicKey[];
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'assay-statements-'));
    keys = await AuditKeys.load(settings('ledger'));
    published = [];
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  const settings = (roles: string, folder = dataDir): Settings =>
    new Settings({ ASSAY_DATA_DIR: folder, ASSAY_ROLES: roles, ASSAY_ORIGIN: 'assay.test' });
  /** Those of a process of today: what it knows of keys is at most a second old. */
  const statements = (own = keys): Statements => {
    const stored = {
      all: async () => published,
      put: async (key: StoredPublicKey) => void published.push(key),
    } as unknown as LedgerKeys;
    const publicKeys = new PublicKeys(own, stored, { origin: 'assay.test' });
    const sizes = { publishedSize: async () => 0 } as unknown as Checkpoints;
    return new Statements({ origin: 'assay.test' }, own, publicKeys, sizes, {} as ColdStores);
  };
  const ours = (): Promise<string> => statements().text(type, SAID);
  /** What somebody signs who has the key for notes, and not those of the MACs. */
  const forged = async (): Promise<string> => {
    const signer = await keys.archiveSigner(TENANT, ORIGIN, 0);
    const mac = { keyId: '0'.repeat(16), mac: () => new Uint8Array(32) };
    return envelopeText(type, Buffer.from(canonicalJson(SAID)), { signer, mac });
  };
  const compromise = async (ledger?: string): Promise<void> => {
    const { id } = keys.keys.find(({ purpose }) => purpose === 'note')!;
    await keys.compromise(id, { ...(ledger && { ledger }), since_size: 100, at: new Date(0).toISOString() });
    published = [];
    await new PublicKeys(
      keys,
      { put: async (key: StoredPublicKey) => void published.push(key) } as unknown as LedgerKeys,
      {
        origin: 'assay.test',
      },
    ).publish();
  };

  it('believes the key of the ledger, whatever MAC it cannot check', async () => {
    expect(await statements().said(type, TENANT, await ours())).toEqual(SAID);
    expect(await statements().said(type, TENANT, await forged())).toEqual(SAID);
  });

  describe('when the key is compromised', () => {
    it.each([undefined, TENANT])(
      'believes what has our MAC as well, and nothing else (in the ledger %s)',
      async (ledger) => {
        const [honest, false_] = [await ours(), await forged()];
        await compromise(ledger);
        expect(await statements().said(type, TENANT, honest)).toEqual(SAID);
        expect(await statements().said(type, TENANT, false_)).toBeUndefined();
      },
    );

    it('still believes it in another ledger than the one it is compromised in', async () => {
      const text = await forged();
      await compromise('zeta');
      expect(await statements().said(type, TENANT, text)).toEqual(SAID);
    });

    it('believes the next key', async () => {
      const text = await forged();
      await compromise();
      await keys.add('note');
      await keys.beginAnew(TENANT);
      expect(await statements().said(type, TENANT, await ours())).toEqual(SAID);
      expect(await statements().said(type, TENANT, await forged())).toEqual(SAID);
      expect(await statements().said(type, TENANT, text)).toBeUndefined();
    });

    it('believes nothing where no MAC can be checked: in a process without keys', async () => {
      const [text, elsewhere] = [await ours(), await AuditKeys.load(settings('api', join(dataDir, 'elsewhere')))];
      await compromise('zeta');
      expect(await statements(elsewhere).said(type, TENANT, text)).toEqual(SAID);
      await compromise();
      expect(await statements(elsewhere).said(type, TENANT, text)).toBeUndefined();
    });
  });
});
