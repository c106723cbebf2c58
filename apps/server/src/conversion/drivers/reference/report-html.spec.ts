import fc from 'fast-check';
import { reportHtml } from './report-html.js';
import { escaped } from './report-text.js';
import { verdictFor } from './report.js';
import type { Report } from './conversion-report.js';
import { heldOutSplit } from './samples.js';

const hostile = '"><script>alert(1)</script>';
const port = { name: hostile, shape: [1, 3], type: 'float32' };
const report: Report = {
  schema: 'conversion-report/1',
  driver: { id: 'reference', version: '1.0.0' },
  model: {
    sha256: 'a'.repeat(64),
    bytes: 1,
    opset: 13,
    producer: hostile,
    inputs: [port],
    outputs: [port],
    nodes: 1,
    params: 1,
    macs: 1,
  },
  target: { id: 32_768, version: '0001', platform: '720' },
  preflight: {
    issues: [{ code: 'c', severity: 'info', message: hostile, hint: hostile }],
    platformOps: {
      docVersion: 'v0.33.1',
      npu: 0,
      cpu: 0,
      unknown: 1,
      list: [{ op: hostile, nodes: 1, support: 'unknown' }],
    },
  },
  calibration: {
    images: 1,
    synthetic: false,
    rejected: [{ index: 0, reason: hostile }],
    method: 'minmax',
    options: { hostile },
  },
  quantization: { tensors: 1, weights: 1, biases: 1, nodesQuantized: { [hostile]: 1 }, nodesFloat: {} },
  accuracy: {
    images: 1,
    mode: 'simulated',
    outputs: [
      { name: hostile, snrDb: 21, exact: false, cosine: 1, rmse: 0, maxAbs: 0, deadChannels: 0, collapsed: false },
      {
        name: 'none',
        snrDb: null,
        exact: false,
        cosine: null,
        rmse: null,
        maxAbs: null,
        deadChannels: 1,
        collapsed: true,
      },
    ],
    perImage: [],
    worstLayers: [{ name: hostile, op: hostile, snrDb: 1, cosine: null }],
    heldOut: false,
    verdict: 'collapsed',
  },
  size: { original: 1, optimized: 1, int8: 1, ratio: 1 },
  performance: { hostCpu: null, npu: null },
  timings: { validate: 12 },
  environment: { node: hostile },
  warnings: [{ code: 'w', severity: 'warning', message: hostile }],
};

describe('reportHtml', () => {
  it('shows what a model calls itself as text, wherever it stands', () => {
    const page = reportHtml(report);
    expect(page).not.toContain('<script');
    expect(page).not.toContain(hostile);
    expect(page.split('alert(1)').length).toBeGreaterThan(10);
  });

  it('needs nothing from anywhere and has both colour schemes', () => {
    const page = reportHtml(report);
    expect(page).not.toMatch(/\b(src|href)=|url\(|@import/);
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('it cannot be loaded on a Kneron NPU');
  });

  it('shows an output that is not finite as such, never as a number', () => {
    expect(reportHtml(report)).not.toMatch(/NaN|Infinity|null/);
  });
});

describe('escaped', () => {
  it('leaves no character that could end an element or an attribute', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(escaped(text)).not.toMatch(/[<>"']|&(?!#\d+;)/)));
  });
});

describe('heldOutSplit', () => {
  it('keeps one in four from eight on, and loses none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 200 }), (count) => {
        const all = Array.from({ length: count }, (_, index) => index);
        const { calibration, evaluation, heldOut } = heldOutSplit(all);
        expect(heldOut).toBe(true);
        expect(evaluation).toHaveLength(Math.floor(count / 4));
        expect([...calibration, ...evaluation].sort((a, b) => a - b)).toEqual(all);
      }),
    );
  });
});

describe('verdictFor', () => {
  it('is never good for a synthetic calibration', () => {
    expect(verdictFor('good', true)).toBe('review');
    expect(verdictFor('collapsed', true)).toBe('collapsed');
    expect(verdictFor('good', false)).toBe('good');
  });
});
