import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strFromU8, unzipSync } from 'fflate';
import { attr, encodeModel, floatTensor, type NodeProto, nodeOf, type TensorProto, valueInfo } from '#libs/onnx';
import { fixtureCnn } from '#libs/testing';
import { ChildLauncher } from '../../child/child.launcher.js';
import { AMPLE, conversionFixture, type ConversionFixture, type OrderOptions } from '../../child/conversion.fixture.js';
import { conversionRequest, preflightRequest } from '../../child/request.js';
import type { ConversionInput, Preflight } from '../../conversion.types.js';
import type { ConversionResult, DriverEvent } from '../../driver/driver.types.js';
import { ReferenceDriver } from './reference.driver.js';
import type { Statement } from './statement.js';
import type { Report } from './conversion-report.js';

let root: string;
let launcher: ChildLauncher;
let fixture: ConversionFixture;
const fixtures: ConversionFixture[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'assay-driver-'));
  launcher = new ChildLauncher(root);
  fixture = await withModel(fixtureCnn());
});
afterAll(async () => {
  await launcher.close();
  await Promise.all(fixtures.map((each) => each.remove()));
  await rm(root, { recursive: true, force: true });
});

async function withModel(model: Uint8Array): Promise<ConversionFixture> {
  const made = await conversionFixture(model);
  fixtures.push(made);
  return made;
}

interface Run {
  result: ConversionResult<Report>;
  files: Record<string, Uint8Array>;
  events: DriverEvent[];
}

async function converted(from: ConversionFixture, images: number, options: OrderOptions = {}): Promise<Run> {
  const child = await launcher.start();
  try {
    const events: DriverEvent[] = [];
    const outcome = await child.run(from.order(images, options), { limits: AMPLE, onEvent: (one) => events.push(one) });
    if (outcome.t !== 'result') throw new Error(`expected a result, found ${JSON.stringify(outcome)} ${child.output}`);
    const result = outcome.value as ConversionResult<Report>;
    const files: Record<string, Uint8Array> = {};
    if (result.status === 'succeeded') {
      for (const { file } of result.artifacts) files[file] = await readFile(join(child.folder, 'work', file));
    }
    return { result, files, events };
  } finally {
    await launcher.discard(child);
  }
}

const reportOf = ({ result }: Run): Report => {
  if (result.status !== 'succeeded') throw new Error(`expected success, found ${JSON.stringify(result)}`);
  return result.report;
};
const packageSha256 = ({ result }: Run) =>
  result.status === 'succeeded' && result.artifacts.find(({ kind }) => kind === 'reference-package')?.sha256;

/** `check` needs no process of its own: it reads positions. The child's pre-flight is in child.integration.spec.ts. */
async function checked(from: ConversionFixture, input: Partial<ConversionInput> = {}): Promise<Preflight> {
  const { request, ports } = preflightRequest({
    t: 'preflight',
    driver: 'reference',
    model: join(from.folder, 'model.onnx'),
    platform: input.platform ?? '720',
    input: { ...(input.quantization && { quantization: input.quantization }), references: [] },
  });
  return { issues: await new ReferenceDriver().check(request), inputs: ports };
}

const errorsOf = ({ issues }: Preflight) => issues.filter(({ severity }) => severity === 'error');

describe('the reference driver on the fixture network with 16 images', () => {
  it('keeps the accuracy and the size that conversion.md §6.1 asks for', async () => {
    const report = reportOf(await converted(fixture, 16));
    const [output] = report.accuracy.outputs;
    expect(output!.snrDb).toBeGreaterThanOrEqual(34);
    expect(output!.cosine).toBeGreaterThanOrEqual(0.999);
    expect(output!.top1Agreement).toBe(1);
    expect(report.size.ratio).toBeGreaterThanOrEqual(3);
    expect(report.accuracy).toMatchObject({ heldOut: true, images: 4, verdict: 'good', mode: 'simulated' });
    expect(report.calibration).toMatchObject({ images: 12, synthetic: false, rejected: [] });
    expect(report.performance.npu).toBeNull();
  });

  it('makes equal packages of equal requests, on one thread or two', async () => {
    const runs = [await converted(fixture, 8), await converted(fixture, 8), await converted(fixture, 8, { cpus: 2 })];
    expect(new Set(runs.map(packageSha256)).size).toBe(1);
    expect(packageSha256(await converted(fixture, 9))).not.toBe(packageSha256(runs[0]!));
  });

  it('packs what the manifest lists and says that it is no vendor artifact', async () => {
    const { files } = await converted(fixture, 8);
    const packed = unzipSync(files['out.kref.zip']!);
    const manifest = JSON.parse(strFromU8(packed['manifest.json']!));
    expect(Object.keys(packed)).toEqual([
      'NOTICE.txt',
      'manifest.json',
      'model.int8.onnx',
      'model.optimized.onnx',
      'quantization.json',
      'report.html',
      'report.json',
      'statement.intoto.json',
    ]);
    expect(manifest).toMatchObject({
      schema: 'kref/1',
      kind: 'reference',
      vendorArtifact: false,
      deployable: { kneronNpu: false, onnxRuntime: true },
      target: { platform: '720', modelId: 32_768, version: '0001', advisory: true },
    });
    expect((manifest.files as { name: string }[]).map(({ name }) => name)).toContain('statement.intoto.json');
    for (const { name, bytes, sha256 } of manifest.files) {
      expect(packed[name]!.length).toBe(bytes);
      expect(createHash('sha256').update(packed[name]!).digest('hex')).toBe(sha256);
    }
    const statement = JSON.parse(strFromU8(packed['statement.intoto.json']!)) as Statement;
    expect(statement.subject).toHaveLength(2);
    for (const { name, digest } of statement.subject) {
      expect(createHash('sha256').update(packed[name]!).digest('hex')).toBe(digest.sha256);
    }
    expect(strFromU8(packed['NOTICE.txt']!)).toContain('statement.intoto.json is not signed');
    const report = JSON.parse(strFromU8(packed['report.json']!)) as Report;
    expect(report).toMatchObject({ schema: 'conversion-report/1', timings: {}, environment: {} });
    expect(report.performance.hostCpu).toBeNull();
  });

  it('gives the verdict by the thresholds it is handed', async () => {
    const verdict = { goodSnrDb: 100, reviewSnrDb: 20 };
    expect(reportOf(await converted(fixture, 8, { verdict })).accuracy.verdict).toBe('review');
  });

  it('tells its stages in order and skips compile', async () => {
    const { events } = await converted(fixture, 8);
    const told = events.flatMap((event) =>
      event.t === 'stage' && event.state !== 'start' ? [`${event.stage} ${event.state}`] : [],
    );
    expect(told).toEqual([
      'validate done',
      'optimize done',
      'evaluate done',
      'quantize done',
      'verify done',
      'compile skipped',
      'package done',
    ]);
  });
});

describe('the reference driver with few or no images', () => {
  it('holds none out below eight, and says so', async () => {
    const report = reportOf(await converted(fixture, 7));
    expect(report.accuracy).toMatchObject({ heldOut: false, images: 7 });
    expect(report.warnings.map(({ code }) => code)).toContain('no_held_out_images');
  });

  it('never calls a synthetic calibration good', async () => {
    const report = reportOf(await converted(fixture, 0));
    expect(report.accuracy.outputs[0]!.snrDb).toBeGreaterThan(20);
    expect(report.accuracy.verdict).toBe('review');
    expect(report.warnings.map(({ code }) => code)).toContain('no_reference_images');
    expect(report.calibration.synthetic).toBe(true);
  });
});

describe('the reference driver given an option it cannot honour', () => {
  it.each<[string, NonNullable<ConversionInput['quantization']>]>([
    ['a vendor range', { range: 'mmse' }],
    ['int4 weights', { weight: 'int4' }],
    ['a mixed datapath', { datapath: 'mix light' }],
    ['the vendor optimiser', { optimize: 2 }],
    ['post_sigmoid', { mode: 'post_sigmoid' }],
    ['a deep search', { compilerTiling: 'deep_search' }],
    ['a percentage without its range', { percentage: 0.999 }],
  ])('refuses %s, at submission and in the run', async (_, quantization) => {
    expect(errorsOf(await checked(fixture, { quantization })).map(({ code }) => code)).toEqual([
      'option_not_supported',
    ]);
    const context = {
      workDir: '',
      signal: new AbortController().signal,
      emit: () => {},
      limits: { ...AMPLE, cpus: 1 },
    };
    const result = await new ReferenceDriver().run(conversionRequest(fixture.order(1, { quantization })), context);
    expect(result).toMatchObject({
      status: 'failed',
      error: { class: 'user', code: 'option_not_supported', retryable: false },
    });
  });

  it('refuses int16 for the platform that has none', async () => {
    const quantization = { datapath: 'int16' } as const;
    expect(errorsOf(await checked(fixture, { platform: '520', quantization }))).toHaveLength(1);
    expect(errorsOf(await checked(fixture, { platform: '720', quantization }))).toEqual([]);
  });
});

describe('the reference driver given a bad model', () => {
  const valid = fixtureCnn();
  const bad: [string, () => Uint8Array, string][] = [
    ['an empty file', () => new Uint8Array(), 'empty_file'],
    ['a picture', () => Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1'), 'not_onnx'],
    ['a file cut off', () => valid.subarray(0, valid.length / 2), 'truncated'],
    ['an unknown operator', () => oneNode(nodeOf('Frobnicate', ['x'], ['y'])), 'unsupported_op'],
    ['a custom domain', () => oneNode({ ...nodeOf('Relu', ['x'], ['y']), domain: 'com.example' }), 'custom_domain'],
    ['external data', () => externalData(), 'external_data'],
    ['a quantised model', () => oneNode(nodeOf('QuantizeLinear', ['x'], ['y'])), 'already_quantized'],
    ['opset 6', () => oneNode(nodeOf('Relu', ['x'], ['y']), 6), 'unsupported_opset'],
  ];

  it.each(bad)('names the fault of %s and is no crash', async (_, model, code) => {
    const from = await withModel(model());
    expect(errorsOf(await checked(from))[0]?.code).toBe(code);
    const { result } = await converted(from, 1);
    expect(result).toMatchObject({ status: 'failed', error: { code } });
    if (result.status === 'failed') expect(['user', 'unsupported']).toContain(result.error.class);
  });

  it('names the node of an unknown operator', async () => {
    const from = await withModel(oneNode({ ...nodeOf('Frobnicate', ['x'], ['y']), name: 'node_7' }));
    expect(errorsOf(await checked(from))[0]).toMatchObject({ code: 'unsupported_op', where: 'node_7' });
  });

  it('finds a wrong channel count by running it', async () => {
    const weight = floatTensor('w', [4, 3, 3, 3], new Float32Array(108).fill(0.1));
    const from = await withModel(oneNode(nodeOf('Conv', ['x', 'w'], ['y']), 13, [1, 5, 8, 8], [weight]));
    expect((await converted(from, 1)).result).toMatchObject({ status: 'failed', error: { code: 'input_mismatch' } });
  });

  it('rejects references that are no images', async () => {
    const child = await launcher.start();
    const order = fixture.order(1);
    order.files.references = [join(fixture.folder, 'model.onnx')];
    const outcome = await child.run(order, { limits: AMPLE });
    await launcher.discard(child);
    expect(outcome).toMatchObject({ value: { status: 'failed', error: { class: 'user', code: 'image_rejected' } } });
  });
});

describe('the advisory table', () => {
  it('reports operators the vendor does not mark for the platform, and never refuses for them', async () => {
    const found = await checked(fixture, { platform: '520' });
    expect(errorsOf(found)).toEqual([]);
    const advisory = found.issues.filter(({ code }) => code === 'platform_op_advisory');
    expect(advisory.map(({ where }) => where)).toContain('Sigmoid');
    expect(advisory.every(({ message }) => message.includes('v0.33.1'))).toBe(true);
  });
});

function oneNode(node: NodeProto, opset = 13, shape = [1, 3, 8, 8], initializer: TensorProto[] = []): Uint8Array {
  const nodes = node.opType === 'Conv' ? { ...node, attribute: [attr('pads', [1, 1, 1, 1])] } : node;
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: opset }, ...(node.domain ? [{ domain: node.domain, version: 1 }] : [])],
    producerName: 'test',
    graph: {
      name: 'one',
      node: [nodes],
      initializer,
      input: [valueInfo('x', shape)],
      output: [valueInfo('y', [1, 4, 8, 8])],
    },
  });
}

function externalData(): Uint8Array {
  const outside = { name: 'w', dims: [3], dataType: 1, dataLocation: 1 };
  const weights = { ...outside, externalData: [{ key: 'location', value: '../../etc/passwd' }] };
  return oneNode(nodeOf('Add', ['x', 'w'], ['y']), 13, [1, 3, 8, 3], [weights]);
}
