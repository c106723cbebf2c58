// libs/ledger in a real browser: the very files of the build, found by an import map, no bundler. The same attacks on
// the same ledger must give the same reports there and here. Needs Chromium: `test:compat` installs it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm, mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
const LEDGER = '/dist/libs/ledger/src/index.js';
const ATTACKS = '/tests/browser/attacks.mjs';
// The browser gets the default condition of `#sha256`, which is what a bundler would take.
const imports = {
  '#ledger': LEDGER,
  '#sha256': '/dist/libs/ledger/src/sha256.web.js',
  canonicalize: '/node_modules/canonicalize/lib/canonicalize.js',
  '@noble/hashes/': '/node_modules/@noble/hashes/',
  '@noble/curves/': '/node_modules/@noble/curves/',
};
const PAGE = `<!doctype html><meta charset="utf-8"><title>libs/ledger</title>
<script type="importmap">${JSON.stringify({ imports })}</script>`;
const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript' };

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  if (path === '/') return response.setHeader('content-type', 'text/html').end(PAGE);
  try {
    const body = await readFile(join(root, path));
    response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream').end(body);
  } catch {
    response.writeHead(404).end();
  }
}).listen(0, '127.0.0.1');
await once(server, 'listening');

const profile = await mkdtemp(join(tmpdir(), 'assay-browser-'));
const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-background-networking'];
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [...flags, 'disable-component-update', 'disable-sync'].map((flag) => `--${flag}`),
});
try {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const there = await page.evaluate(async (path) => {
    const { reports } = await import(path);
    return reports(await import('#ledger'));
  }, ATTACKS);
  const { reports } = await import('./attacks.mjs');
  const here = await reports(await import(join(root, LEDGER)));
  assert.deepEqual(errors, []);
  for (const [name, report] of Object.entries(here)) {
    assert.deepEqual(there[name], report, name);
    console.log(`ok   ${name}: ${report.tier} here and in Chromium ${browser.browser()?.version() ?? ''}`.trimEnd());
  }
  assert.equal(Object.keys(there).length, Object.keys(here).length);
} finally {
  await browser.close();
  server.close();
  await rm(profile, { recursive: true, force: true });
}
