import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { FIELD_NAMES } from './index.js';

const PAGE = resolve(__dirname, '../../../docs/security/redaction-and-privacy.md');

describe('the closed list of fields', () => {
  it('has a line for every field in docs/security/redaction-and-privacy.md, and the page has no other', () => {
    const documented = [...readFileSync(PAGE, 'utf8').matchAll(/^\| `([a-z_.]+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual([...FIELD_NAMES]);
  });
});
