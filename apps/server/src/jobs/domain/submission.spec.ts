import fc from 'fast-check';
import type { JobRequest, ReferenceImage } from '../jobs.types.js';
import { imageFaults, queuedJob, refusals, submissionEvents, submissionWarnings } from './submission.js';

const image = (input?: string): ReferenceImage => ({ key: 'k', bytes: 1, sha256: 'a', ...(input && { input }) });

describe('imageFaults', () => {
  it('takes an image without an input for the only one there is', () => {
    expect(imageFaults([image(), image('x')], ['x'])).toEqual([]);
  });

  describe('when the model has several inputs', () => {
    it('wants each image to name its own', () => {
      expect(imageFaults([image('a'), image()], ['a', 'b'])).toMatchObject([
        { pointer: '/ref_images/1', code: 'input_required' },
      ]);
    });

    it('wants as many for every input', () => {
      expect(imageFaults([image('a'), image('a'), image('b')], ['a', 'b'])).toMatchObject([
        { pointer: '/ref_images', code: 'input_mismatch' },
      ]);
      expect(imageFaults([image('b'), image('a')], ['a', 'b'])).toEqual([]);
    });
  });

  it('refuses an input that the model does not have', () => {
    expect(imageFaults([image('y')], ['x'])).toMatchObject([{ pointer: '/ref_images/0', code: 'input_mismatch' }]);
  });

  it('finds no fault exactly when every input gets the same number of images that name it', () => {
    const inputs = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c'), { minLength: 2 });
    const named = fc.array(fc.option(fc.constantFrom<string>('a', 'b', 'c', 'd'), { nil: undefined }), {
      maxLength: 9,
    });
    fc.assert(
      fc.property(inputs, named, (has, names) => {
        const counts = has.map((input) => names.filter((name) => name === input).length);
        const good = names.every((name) => name && has.includes(name)) && new Set(counts).size === 1;
        expect(imageFaults(names.map(image), has).length === 0).toBe(good);
      }),
    );
  });
});

describe('refusals', () => {
  it('names node and operator of every error and leaves warnings out', () => {
    const issues = [
      { code: 'unsupported_op', severity: 'error', message: 'operator Foo', where: 'conv1', hint: 'use Conv' },
      { code: 'few_images', severity: 'warning', message: 'few' },
    ] as const;
    expect(refusals(issues)).toEqual([
      { pointer: '/model', code: 'unsupported_op', detail: 'conv1: operator Foo; use Conv' },
    ]);
  });
});

describe('submissionWarnings', () => {
  it('says once that there are no reference images, whoever noticed', () => {
    const noticed = { code: 'no_reference_images', severity: 'warning', message: 'none' } as const;
    expect(submissionWarnings([noticed], [])).toHaveLength(1);
    expect(submissionWarnings([], [])).toMatchObject([{ code: 'no_reference_images' }]);
    expect(submissionWarnings([], [image()])).toEqual([]);
  });
});

describe('queuedJob', () => {
  it('keeps the request and the trace that submitted it, and its events name them', () => {
    const of = { request_id: 'r1', trace_id: '0af7651916cd43dd8448eb211c80319c' };
    const actor = { type: 'service', id: 'tester' } as const;
    const request: JobRequest = { platform: '520', user_id: 'u1', labels: [], priority: 'normal' };
    const model = { key: 'm', bytes: 1, sha256: 'a', name: 'net.onnx' };
    const files = { model, images: [], warnings: [] };
    const job = queuedJob('j1', { tenant: 'acme', actor, ...of }, request, files, new Date());
    expect(job).toMatchObject(of);
    const refs = submissionEvents(job, actor).map((event) => event.refs);
    expect(refs).toEqual([
      { job_id: 'j1', ...of },
      { job_id: 'j1', ...of },
    ]);
  });
});
