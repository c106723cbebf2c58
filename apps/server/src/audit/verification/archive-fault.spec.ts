import { readFileSync } from 'node:fs';
import { linesFault, storeFault } from './archive-fault.js';

const textOf = (path: string): string => readFileSync(new URL(path, `file://${__dirname}/`), 'utf8');

describe('the page on verification across the tiers', () => {
  const page = textOf('../../../../../docs/design/archive-verification.md');
  const codesIn = (path: string): string[] =>
    [...textOf(path).matchAll(/'(ARCHIVE\.[A-Z_]+)'/g)].map(([, code]) => code!);
  /** Said of a ring or in the course of writing; no verification ends in them. */
  const NEVER = ['ARCHIVE.RING_FORM', 'ARCHIVE.MAC_KEY_UNKNOWN'];

  it('has every code that a report can have', () => {
    const codes = new Set([
      ...codesIn('./archive-fault.ts'),
      ...codesIn('../../../../../libs/archive/src/archive.errors.ts'),
    ]);
    const missing = [...codes].filter((code) => !NEVER.includes(code) && !page.includes(`\`${code}\``));
    expect(codes.size).toBeGreaterThan(25);
    expect(missing).toEqual([]);
  });
});

describe('a fault', () => {
  it('says nothing of the bytes where only a key is missing or does not fit', () => {
    expect(linesFault('ARCHIVE.KEY_MISSING', 'no ring').class).toBe('cannot_read');
    expect(linesFault('ARCHIVE.DECRYPT', 'the tag does not hold').class).toBe('cannot_read');
    expect(linesFault('ARCHIVE.BOMB', 'more').class).toBe('archive_altered');
  });

  it('tells an object that is gone from one that could not be had', () => {
    const told = (part: 'jsonl' | 'manifest', code: string | undefined): string[] => {
      const { class: kind, code: found } = storeFault(part, 'key', code);
      return [kind, found];
    };
    expect(told('jsonl', 'OBJECT_STORE.NOT_FOUND')).toEqual(['archive_missing', 'ARCHIVE.OBJECT_MISSING']);
    expect(told('manifest', 'OBJECT_STORE.NOT_FOUND')).toEqual(['archive_missing', 'ARCHIVE.MANIFEST_MISSING']);
    expect(told('jsonl', 'OBJECT_STORE.CORRUPT')).toEqual(['archive_altered', 'OBJECT_STORE.CORRUPT']);
    expect(told('manifest', 'OBJECT_STORE.CORRUPT')).toEqual(['manifest_changed', 'OBJECT_STORE.CORRUPT']);
    expect(told('jsonl', 'OBJECT_STORE.TIMEOUT')).toEqual(['cannot_read', 'OBJECT_STORE.TIMEOUT']);
    expect(told('jsonl', undefined)).toEqual(['cannot_read', 'ARCHIVE.STORE_FAILED']);
  });
});
