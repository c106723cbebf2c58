import { inputShapes, openSession, outputsFor, tensorTypes } from './session.js';
import type { RunOptions, Sample } from './session.js';
import { prunedTo } from './graph.js';
import { ChannelRanges, largestAt, PairSums } from './metrics.js';
import type { ModelProto } from './model.types.js';
import { groupsWithin } from './ranges.js';

export interface OutputAccuracy {
  name: string;
  /** Over all images, in dB; null when exact or not finite. */
  snrDb: number | null;
  exact: boolean;
  cosine: number | null;
  rmse: number | null;
  maxAbs: number | null;
  /** Channels that vary in float and are constant here. */
  deadChannels: number;
  /** Constant where float varies, or not finite. */
  collapsed: boolean;
  /** Part of the images with the same largest class; only for outputs that are a vector of classes. */
  top1Agreement?: number;
}

export interface LayerAccuracy {
  name: string;
  op: string;
  snrDb: number | null;
  cosine: number | null;
}

export interface Accuracy {
  images: number;
  outputs: OutputAccuracy[];
  /** Over all outputs of one image. */
  perImage: { snrDb: number | null; cosine: number | null }[];
  /** Lowest first. */
  worstLayers: LayerAccuracy[];
  /** Integer arithmetic simulated in float, graph optimisation off: the figures do not depend on the CPU. */
  mode: 'simulated';
}

export interface CompareOptions extends RunOptions {
  /** Compare tensor by tensor as well. Default true. */
  layers?: boolean;
  /** How many of the worst layers to keep. Default 10. */
  worst?: number;
}

/** Samples used for the layers: enough to rank them. */
const layerSamples = 4;
const groupBytes = 64 * 2 ** 20;

/** Runs both models on every sample. They must have the same inputs and outputs; layers are matched by tensor name. */
export async function compareModels(
  float: ModelProto,
  integer: ModelProto,
  samples: Sample[],
  options: CompareOptions = {},
): Promise<Accuracy> {
  const layered = (options.layers ?? true) ? samples.slice(0, layerSamples) : [];
  const groups = layered.length > 0 ? await layerGroups(float, integer) : [];
  const total = samples.length + groups.length * layered.length;
  let done = 0;
  const step = (): void => options.onProgress?.(++done, total);
  const outputs = new Map<string, OutputSums>();
  const perImage: Accuracy['perImage'] = [];
  await forEachPair(float, integer, samples, options, (pairs) => {
    const image = new PairSums();
    for (const { name, shape, reference, tested } of pairs) {
      const sums = outputs.get(name) ?? new OutputSums(shape);
      outputs.set(name, sums);
      sums.add(reference, tested);
      image.add(reference, tested);
    }
    perImage.push({ snrDb: image.snrDb, cosine: image.cosine });
    step();
  });
  const worstLayers = await layerAccuracy(float, integer, groups, layered, options, step);
  return {
    images: samples.length,
    outputs: [...outputs].map(([name, sums]) => ({ name, ...sums.accuracy() })),
    perImage,
    worstLayers: worstLayers.slice(0, options.worst ?? 10),
    mode: 'simulated',
  };
}

class OutputSums {
  private readonly sums = new PairSums();
  private readonly channels: ChannelRanges;
  private readonly isVector: boolean;
  private images = 0;
  private agreed = 0;

  constructor(shape: readonly number[]) {
    this.channels = new ChannelRanges(shape);
    this.isVector = shape.length > 1 && (shape[1] ?? 0) > 1 && shape.every((dim, axis) => axis === 1 || dim === 1);
  }

  add(reference: Float32Array, tested: Float32Array): void {
    this.sums.add(reference, tested);
    this.channels.add(reference, tested);
    this.images += 1;
    if (largestAt(reference) === largestAt(tested)) this.agreed += 1;
  }

  accuracy(): Omit<OutputAccuracy, 'name'> {
    const { snrDb, exact, cosine, rmse, maxAbs } = this.sums;
    const deadChannels = this.channels.dead;
    const collapsed = !this.sums.isFinite || this.channels.constant || deadChannels > 0;
    const classes = this.isVector ? { top1Agreement: this.agreed / this.images } : {};
    return { snrDb, exact, cosine, rmse, maxAbs, deadChannels, collapsed, ...classes };
  }
}

interface Pair {
  name: string;
  shape: readonly number[];
  reference: Float32Array;
  tested: Float32Array;
}

async function forEachPair(
  float: ModelProto,
  integer: ModelProto,
  samples: Sample[],
  options: RunOptions,
  visit: (pairs: Pair[]) => void,
): Promise<void> {
  const [a, b] = [await openSession(float), await openSession(integer)];
  try {
    const shapes = inputShapes(a);
    const outputs = a.outputMetadata.flatMap((each) =>
      each.isTensor ? [{ name: each.name, shape: each.shape.map(Number) }] : [],
    );
    for (const sample of samples) {
      options.signal?.throwIfAborted();
      const expected = await outputsFor(a, sample, shapes);
      const found = await outputsFor(b, sample, shapes);
      visit(
        outputs.flatMap(({ name, shape }) => {
          const [reference, tested] = [expected.get(name), found.get(name)];
          return reference && tested ? [{ name, shape, reference, tested }] : [];
        }),
      );
    }
  } finally {
    await a.release();
    await b.release();
  }
}

/** Float tensors both models make, in groups whose values fit in memory. */
async function layerGroups(float: ModelProto, integer: ModelProto): Promise<string[][]> {
  const types = await tensorTypes(float);
  const made = new Set(integer.graph.node.flatMap((node) => node.output));
  const names = float.graph.node
    .flatMap((node) => node.output)
    .filter((name) => made.has(name) && types.get(name)?.type === 'float32');
  return groupsWithin(names, types, groupBytes);
}

async function layerAccuracy(
  float: ModelProto,
  integer: ModelProto,
  groups: string[][],
  samples: Sample[],
  options: RunOptions,
  step: () => void,
): Promise<LayerAccuracy[]> {
  const operators = new Map(
    float.graph.node.flatMap((node) => node.output.map((name) => [name, node.opType] as const)),
  );
  const layers = new Map<string, PairSums>();
  for (const group of groups) {
    const outputs = group.map((name) => ({ name }));
    await forEachPair(prunedTo(float, outputs), prunedTo(integer, outputs), samples, options, (pairs) => {
      for (const { name, reference, tested } of pairs) {
        const sums = layers.get(name) ?? new PairSums();
        layers.set(name, sums);
        sums.add(reference, tested);
      }
      step();
    });
  }
  return [...layers]
    .map(([name, { snrDb, cosine, exact }]) => ({ name, op: operators.get(name) ?? '', snrDb, cosine, exact }))
    .filter((layer) => !layer.exact)
    .sort((a, b) => (a.snrDb ?? -Infinity) - (b.snrDb ?? -Infinity))
    .map(({ name, op, snrDb, cosine }) => ({ name, op, snrDb, cosine }));
}

// --- verdict

export type Verdict = 'good' | 'review' | 'poor' | 'collapsed';

export interface VerdictThresholds {
  /** Lowest output SNR in dB that is `good`. 20 is the vendor's line. */
  good: number;
  /** Lowest that asks for `review`; below is `poor`. */
  review: number;
}

/** By the worst output. */
export function verdictOf(
  accuracy: Pick<Accuracy, 'outputs'>,
  thresholds: VerdictThresholds = { good: 20, review: 10 },
): Verdict {
  if (accuracy.outputs.some((output) => output.collapsed)) return 'collapsed';
  const worst = Math.min(...accuracy.outputs.map((output) => (output.exact ? Infinity : (output.snrDb ?? -Infinity))));
  if (worst >= thresholds.good) return 'good';
  return worst >= thresholds.review ? 'review' : 'poor';
}

/** Median time of one run on this machine's CPU, all optimisations on, in ms. It says nothing about an NPU. */
export async function measureLatency(
  model: ModelProto,
  sample: Sample,
  options: { threads?: number; runs?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const session = await openSession(model, { threads: options.threads, optimization: 'all' });
  try {
    const shapes = inputShapes(session);
    const times: number[] = [];
    for (let run = 0; run < (options.runs ?? 5); run++) {
      options.signal?.throwIfAborted();
      const start = performance.now();
      await outputsFor(session, sample, shapes);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
  } finally {
    await session.release();
  }
}
