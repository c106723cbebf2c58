import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cosigner,
  formatProof,
  inclusionProof,
  leafHash,
  noteSigner,
  verifierKey,
  verifierKeyText,
} from '#libs/ledger';
import { exitOfError } from '../exit-codes.js';
import { httpServer } from '../offline/http-server.fixture.js';
import { eventBytes, logFiles, logFolder, ORIGIN, SEED, STRANGER, VKEY } from '../offline/log.fixture.js';
import { assayProgram } from '../program.js';

const WITNESS_SEED = new Uint8Array(32).fill(2);
const COSIGNED = [noteSigner(ORIGIN, SEED), cosigner('witness.example/w1', WITNESS_SEED, 1_795_251_600)];
const FILES = logFiles(300, COSIGNED);

describe('assay verify', () => {
  let scratch: string;
  let out: string;
  let err: string;
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'assay-cli-'));
    [out, err] = ['', ''];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(scratch, { recursive: true, force: true });
  });

  /** The exit code `assay` would end with. */
  async function assay(...args: string[]): Promise<number> {
    let ended = 0;
    try {
      await assayProgram((code) => (ended = code)).parseAsync(['node', 'assay', ...args]);
    } catch (error) {
      ended = exitOfError(error);
      err += String(error);
    }
    return ended;
  }
  async function inFolder(files: ReadonlyMap<string, Uint8Array>, ...args: string[]): Promise<number> {
    const folder = await logFolder(files);
    try {
      return await assay('verify', folder.path, ...args);
    } finally {
      await folder.remove();
    }
  }
  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(scratch, name), content);
    return join(scratch, name);
  };
  const changed = (path: string, at: number): Map<string, Uint8Array> => {
    const bytes = Uint8Array.from(FILES.get(path) as Uint8Array);
    bytes[at] = (bytes[at] as number) ^ 1;
    return new Map(FILES).set(path, bytes);
  };

  it('ends with 0 for a folder that is as it was signed, by pinned keys', async () => {
    expect(await inFolder(FILES, '--vkey', VKEY)).toBe(0);
    expect(out).toContain('consistent (keys pinned)');
    expect(out).toContain('300 of 300 verified');
    expect(err).toBe('');
  });

  it('says that keys of the folder itself are unpinned', async () => {
    const files = new Map(FILES).set('vkey', new TextEncoder().encode(`${VKEY}\n`));
    expect(await inFolder(files)).toBe(0);
    expect(out).toContain('consistent (keys unpinned)');
    expect(out).toContain('pin them with --vkey');
  });

  it('ends with 1 for a byte changed in an entry, and names its seq', async () => {
    const before = [...Array(270).keys()].slice(256).reduce((offset, n) => offset + 2 + eventBytes(n).length, 0);
    expect(await inFolder(changed('tile/entries/001.p/44', before + 40), '--vkey', VKEY, '--json')).toBe(1);
    const report = JSON.parse(out) as { tier: string; breaks: object[] };
    expect(report).toMatchObject({ tier: 'broken', breaks: [{ class: 'edited', seq: 270, located: 'seq' }] });
  });

  it('ends with 2 where an anchor is required and none agrees, and with 0 where the witnesses do', async () => {
    const policy = (name: string): Promise<string> =>
      file(
        name,
        `log ${VKEY}\nwitness w1 witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\nquorum w1\n`,
      );
    expect(await inFolder(FILES, '--vkey', VKEY, '--require-anchor')).toBe(2);
    expect(out).toContain('An anchor was required');
    expect(await inFolder(FILES, '--policy', await policy('p1'), '--require-anchor')).toBe(0);
    expect(out).toContain('anchored (keys pinned)');
    const alone = logFiles(300);
    expect(await inFolder(alone, '--policy', await policy('p2'), '--require-anchor')).toBe(2);
  });

  it('ends with 3 for a key that did not sign, and without any key', async () => {
    const other = verifierKeyText(
      verifierKey(ORIGIN, Buffer.from(STRANGER.split('+')[2] as string, 'base64').subarray(1)),
    );
    expect(await inFolder(FILES, '--vkey', other)).toBe(3);
    expect(out).toContain('key_unknown');
    expect(await inFolder(FILES)).toBe(3);
    expect(await inFolder(FILES, '--vkey', STRANGER)).toBe(3);
  });

  it.each([
    [['/no/such/folder']],
    [['ftp://log.example/']],
    [['https://user:secret@log.example/tlog/acme']],
    [['http://127.0.0.1:1/tlog/acme']],
    [['.', '--vkey', 'nonsense']],
    [['.', '--vkey-file', '/no/such/file']],
    [['.', '--policy', '/no/such/file']],
    [['.', '--from', '-1']],
    [['.', '--no-such-option']],
    [['https://server.example']],
    [[]],
  ])('ends with 4 for %j', async (args) => {
    delete process.env['ASSAY_API_KEY'];
    expect(await assay('verify', ...args)).toBe(4);
    expect(err).not.toBe('');
  });

  it('ends with 4 for a folder without a checkpoint, and for a range that is not in it', async () => {
    expect(await inFolder(new Map())).toBe(4);
    expect(err).toContain('the log has no checkpoint');
    expect(await inFolder(FILES, '--vkey', VKEY, '--to', '300')).toBe(4);
  });

  it('verifies a range, and says what it covered', async () => {
    expect(await inFolder(FILES, '--vkey-file', await file('keys', `# pinned\n\n${VKEY}\n`), '--from', '280')).toBe(0);
    expect(out).toContain('asked for    seq 280 to 299');
    expect(out).toContain('covered      seq 256 to 299');
  });

  it('reads a log over HTTP with the token of a file, and says so where it must have one', async () => {
    const server = await httpServer((request, response) => {
      const bytes = FILES.get(request.url?.replace('/tlog/acme/', '') ?? '');
      if (request.headers.authorization !== 'Bearer secret') response.writeHead(401).end();
      else response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
    });
    try {
      const url = `${server.url}/tlog/acme`;
      expect(await assay('verify', url, '--vkey', VKEY, '--token-file', await file('token', 'secret\n'))).toBe(0);
      expect(await assay('verify', url, '--vkey', VKEY)).toBe(4);
      expect(err).toContain('ASSAY_TOKEN');
    } finally {
      await server.close();
    }
  });

  describe('of a proof file', () => {
    const hashes = Array.from({ length: 300 }, (_, n) => leafHash(eventBytes(n)));
    const checkpoint = new TextDecoder().decode(FILES.get('checkpoint'));
    const text = (extra?: Uint8Array): string =>
      formatProof({ index: 7, proof: inclusionProof(hashes, 7), checkpoint, ...(extra && { extra }) });

    it('ends with 0 and shows the event it proves', async () => {
      const path = await file('e.tlog-proof', text(eventBytes(7)));
      expect(await assay('verify', path, '--vkey', VKEY, '--json')).toBe(0);
      expect(JSON.parse(out)).toMatchObject({
        origin: ORIGIN,
        index: 7,
        size: 300,
        event: { data: { attempt: 7 } },
        anchored: false,
      });
      expect(await assay('verify', path, '--vkey', VKEY, '--require-anchor')).toBe(2);
    });

    it('takes the entry from a file where the proof does not hold it', async () => {
      const path = await file('e.tlog-proof', text());
      expect(await assay('verify', path, '--vkey', VKEY)).toBe(4);
      const entry = join(scratch, 'entry');
      await writeFile(entry, eventBytes(7));
      expect(await assay('verify', path, '--vkey', VKEY, '--entry', entry)).toBe(0);
    });

    it('ends with 1 for another entry, 3 for another key, 4 for what is no proof', async () => {
      expect(await assay('verify', await file('other', text(eventBytes(8))), '--vkey', VKEY)).toBe(1);
      expect(await assay('verify', await file('same', text(eventBytes(7))), '--vkey', STRANGER)).toBe(3);
      expect(await assay('verify', await file('none', 'hello\n'), '--vkey', VKEY)).toBe(4);
    });
  });
});
