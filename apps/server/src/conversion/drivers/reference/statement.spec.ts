import { createHash } from 'node:crypto';
import type { ConversionRequest } from '../../driver/driver.types.js';
import { statementOf } from './statement.js';

const preprocess = { resize: 'letterbox', pad: 'corner', padValue: 0, channels: 'RGB', normalize: 'kneron' } as const;
const request: ConversionRequest = {
  jobId: 'job-1',
  model: { path: '/a/model.onnx', sha256: 'a'.repeat(64), bytes: 10, name: 'a.onnx' },
  modelConfig: { id: 32_768, version: '0001', platform: '720' },
  inputs: [{ name: 'x', shape: [1, 3, 8, 8], layout: 'NCHW', preprocess }],
  references: [
    { path: '/a/0.png', sha256: 'b'.repeat(64), input: 'x' },
    { path: '/a/1.png', sha256: 'c'.repeat(64), input: 'x' },
  ],
  quantization: { datapath: 'int8', weight: 'int8', range: 'minmax', threads: 2 },
  want: ['evaluate', 'quantize'],
  verifyImages: 0,
  layerReport: true,
};
const files = {
  'model.int8.onnx': Buffer.from('int8'),
  'model.optimized.onnx': Buffer.from('float'),
  'report.json': Buffer.from('{}'),
};
const digest = (text: string) => ({ sha256: createHash('sha256').update(text).digest('hex') });

describe('statementOf', () => {
  it('has the shape of an in-toto Statement v1 with SLSA provenance v1', () => {
    const statement = statementOf(request, files);
    expect(statement._type).toBe('https://in-toto.io/Statement/v1');
    expect(statement.predicateType).toBe('https://slsa.dev/provenance/v1');
    const { buildDefinition, runDetails } = statement.predicate;
    expect(Object.keys(statement.predicate)).toEqual(['buildDefinition', 'runDetails']);
    // Type URIs are absolute (RFC 3986 §4.3); SLSA asks for these two.
    expect(() => new URL(buildDefinition.buildType)).not.toThrow();
    expect(() => new URL(runDetails.builder.id)).not.toThrow();
    expect(runDetails.builder.version).toEqual({ reference: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  });

  it('is about the models alone, by the digests of their bytes', () => {
    expect(statementOf(request, files).subject).toEqual([
      { name: 'model.int8.onnx', digest: digest('int8') },
      { name: 'model.optimized.onnx', digest: digest('float') },
    ]);
  });

  it('names what went in by digest, and what was asked for', () => {
    const { resolvedDependencies, externalParameters } = statementOf(request, files).predicate.buildDefinition;
    expect(resolvedDependencies).toEqual([
      { name: 'model', digest: { sha256: 'a'.repeat(64) } },
      { name: 'references/0', digest: { sha256: 'b'.repeat(64) }, annotations: { input: 'x' } },
      { name: 'references/1', digest: { sha256: 'c'.repeat(64) }, annotations: { input: 'x' } },
    ]);
    expect(externalParameters).toMatchObject({ modelConfig: { platform: '720' }, quantization: { range: 'minmax' } });
  });

  it('does not depend on who asks, where files lie, what they are called or how many threads work', () => {
    const same: ConversionRequest = {
      ...request,
      jobId: 'job-2',
      model: { ...request.model, path: '/b/model.onnx', name: 'b.onnx' },
      references: request.references.map((reference) => ({ ...reference, path: '/b' })),
      quantization: { ...request.quantization, threads: 1 },
    };
    expect(JSON.stringify(statementOf(same, files))).toBe(JSON.stringify(statementOf(request, files)));
  });
});
