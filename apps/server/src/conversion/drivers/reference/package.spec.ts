import { strFromU8, unzipSync } from 'fflate';
import fc from 'fast-check';
import type { ConversionRequest } from '../../driver/driver.types.js';
import { packageBytes, requestSha256 } from './package.js';

const preprocess = { resize: 'letterbox', pad: 'corner', padValue: 0, channels: 'RGB', normalize: 'kneron' } as const;
const request: ConversionRequest = {
  jobId: 'job-1',
  model: { path: '/a/model.onnx', sha256: 'a'.repeat(64), bytes: 10, name: 'a.onnx' },
  modelConfig: { id: 32_768, version: '0001', platform: '720' },
  inputs: [{ name: 'x', shape: [1, 3, 8, 8], layout: 'NCHW', preprocess }],
  references: [{ path: '/a/0.png', sha256: 'b'.repeat(64), input: 'x' }],
  quantization: { datapath: 'int8', weight: 'int8', range: 'minmax' },
  want: ['evaluate', 'quantize'],
  verifyImages: 0,
  layerReport: true,
};

describe('requestSha256', () => {
  it('does not depend on who asks, where files lie or how many threads work', () => {
    const same: ConversionRequest = {
      ...request,
      jobId: 'job-2',
      model: { ...request.model, path: '/b/model.onnx', name: 'b.onnx' },
      references: [{ ...request.references[0]!, path: '/b/0.png' }],
      quantization: { ...request.quantization, threads: 2 },
    };
    expect(requestSha256(same)).toBe(requestSha256(request));
  });

  it.each<[string, Partial<ConversionRequest>]>([
    ['the model', { model: { ...request.model, sha256: 'c'.repeat(64) } }],
    ['a reference', { references: [{ ...request.references[0]!, sha256: 'c'.repeat(64) }] }],
    ['the platform', { modelConfig: { ...request.modelConfig, platform: '520' } }],
    ['an option', { quantization: { ...request.quantization, perChannel: false } }],
    ['the preprocessing', { inputs: [{ ...request.inputs[0]!, preprocess: { ...preprocess, normalize: 'yolo' } }] }],
  ])('depends on %s', (_, change) => {
    expect(requestSha256({ ...request, ...change })).not.toBe(requestSha256(request));
  });
});

describe('packageBytes', () => {
  it('are the same whatever order the files came in, and give them back', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, fc.uint8Array()), { selector: ([key]) => key }), (entries) => {
        const bytes = packageBytes(Object.fromEntries(entries), {});
        expect(packageBytes(Object.fromEntries(entries.toReversed()), {})).toEqual(bytes);
        const unpacked = unzipSync(bytes);
        for (const [key, content] of entries) expect([...unpacked[key]!]).toEqual([...content]);
        expect(JSON.parse(strFromU8(unpacked['manifest.json']!))).toEqual({});
      }),
    );
  });

  it('hold no time that unzip could show but the fixed one', () => {
    const bytes = packageBytes({}, {});
    // Local file header: DOS time at 10, DOS date at 12 (APPNOTE 4.3.7); 1980-01-01 is day 1, month 1, year 0.
    expect(Buffer.from(bytes).readUInt16LE(10)).toBe(0);
    expect(Buffer.from(bytes).readUInt16LE(12)).toBe((1 << 5) | 1);
  });
});
