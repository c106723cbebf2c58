import fc from 'fast-check';
import type { Target } from '../promote.types.js';
import { archiveSegment, stateOf, targetsOf } from './promotion.js';

const target = (state: Target['state']): Target => ({
  state,
  object_key: 'k',
  bytes: 1,
  sha256: 'a',
  archive_name: 'n',
});

describe('stateOf', () => {
  it.each([
    ['success', 'success', 'success'],
    ['success', 'pending', 'pending'],
    ['failed', 'success', 'failed'],
    ['failed', 'pending', 'failed'],
  ] as const)('of %s and %s is %s', (result, report, state) => {
    expect(stateOf({ result: target(result), report: target(report) })).toBe(state);
  });
});

describe('archiveSegment', () => {
  it('is a segment the archive accepts, whatever the file is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(archiveSegment(name)).toMatch(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/);
      }),
    );
  });
});

describe('targetsOf', () => {
  it('names each file below its tenant and job, and has no report where there is none', () => {
    const file = { kind: 'reference-package', key: 'k', bytes: 3, sha256: 'ab', media_type: 'application/zip' };
    const artifact = { ...file, file_name: 'é_kl520.kref.zip' };
    expect(targetsOf({ tenant: 't', id: 'j', artifact })).toEqual({
      result: { state: 'pending', object_key: 'k', bytes: 3, sha256: 'ab', archive_name: 't/j/__kl520.kref.zip' },
    });
  });
});
