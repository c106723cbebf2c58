import fc from 'fast-check';
import type { JobStatus } from '../jobs.types.js';
import { EXTERNAL_STATUSES, externalStatus, finished, isActive, statusesOf, type Ending } from './job.js';

const ALL: JobStatus[] = ['QUEUED', 'ONNX', 'BIE', 'NEF', 'COMPLETED', 'FAILED', 'CANCELED', 'EXPIRED'];
const at = new Date('2026-01-02T03:04:05.678Z');
const file = { key: 'k', bytes: 1, sha256: 'ab', file_name: 'm_kl520.kref.zip', media_type: 'application/zip' };
const succeeded: Ending = {
  status: 'succeeded',
  report: { snr_db: 36, exact: false, cosine: 0.999, size_ratio: 3.2, verdict: 'good' },
  artifact: { kind: 'reference-package', ...file },
};
const failed: Ending = {
  status: 'failed',
  error: { class: 'unsupported', code: 'unsupported_op', stage: 'ONNX', message: 'node a: Foo' },
};

describe('finished', () => {
  it('completes an active job with its report and its artifact', () => {
    const change = finished('NEF', succeeded, at);
    expect(change).toMatchObject({ status: 'COMPLETED', finished_at: at, report: { verdict: 'good' } });
    expect(change?.artifact?.sha256).toBe('ab');
  });

  it('fails with the root cause and gives no artifact', () => {
    const change = finished('ONNX', failed, at);
    expect(change).toMatchObject({ status: 'FAILED', error: { code: 'unsupported_op' } });
    expect(change).not.toHaveProperty('artifact');
  });

  it('changes nothing once the job has ended, whichever end comes second', () => {
    const ended = fc.constantFrom<JobStatus>('COMPLETED', 'FAILED', 'CANCELED', 'EXPIRED');
    const ending = fc.constantFrom<Ending>(succeeded, failed, { status: 'canceled' });
    fc.assert(
      fc.property(ended, ending, (status, end) => {
        expect(finished(status, end, at)).toBeNull();
      }),
    );
  });

  it('always leaves the job inactive', () => {
    const active = fc.constantFrom<JobStatus>('QUEUED', 'ONNX', 'BIE', 'NEF');
    fc.assert(
      fc.property(active, fc.constantFrom<Ending>(succeeded, failed, { status: 'canceled' }), (status, end) => {
        expect(isActive(finished(status, end, at)!.status)).toBe(false);
      }),
    );
  });
});

describe('statusesOf', () => {
  it('finds every internal status under exactly one external one', () => {
    expect(EXTERNAL_STATUSES.flatMap((external) => statusesOf(external)).sort()).toEqual([...ALL].sort());
    for (const status of ALL) expect(statusesOf(externalStatus(status))).toContain(status);
  });

  it('takes in_progress as queued or running', () => {
    expect(statusesOf('in_progress')).toEqual([...statusesOf('queued'), ...statusesOf('running')]);
    expect(statusesOf('in_progress').every(isActive)).toBe(true);
  });
});
