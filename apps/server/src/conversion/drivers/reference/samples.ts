import { OnnxError, preprocess, syntheticTensors, type Sample } from '#libs/onnx';
import type { ConversionRequest } from '../../driver/driver.types.js';

/** With at least this many references, one in four is kept for evaluation. */
const HOLD_OUT_FROM = 8;
const HOLD_OUT_EACH = 4;
const SYNTHETIC = { seed: 1, calibration: 16, evaluation: 4 };

export interface Samples {
  calibration: Sample[];
  evaluation: Sample[];
  /** Whether the evaluation images were kept out of calibration. */
  heldOut: boolean;
  synthetic: boolean;
  /** References that are no usable image, by their place among the references. */
  rejected: { index: number; reason: string }[];
}

/** Splits what was read by the hold-out rule; with few samples evaluation sees what calibration saw. */
export function heldOutSplit<T>(all: readonly T[]): { calibration: T[]; evaluation: T[]; heldOut: boolean } {
  if (all.length < HOLD_OUT_FROM) return { calibration: [...all], evaluation: [...all], heldOut: false };
  const isHeldOut = (index: number) => index % HOLD_OUT_EACH === HOLD_OUT_EACH - 1;
  return {
    calibration: all.filter((_, index) => !isHeldOut(index)),
    evaluation: all.filter((_, index) => isHeldOut(index)),
    heldOut: true,
  };
}

/** The tensors to calibrate and to evaluate on. Rejects with the abort reason, or with what made every image unusable. */
export async function samplesOf(
  request: ConversionRequest,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<Samples> {
  if (request.references.length === 0) return syntheticSamples(request);
  const { sets, rejected } = await readReferences(request, signal, onProgress);
  const split = heldOutSplit(sets);
  if (request.verifyImages > 0) split.evaluation.length = Math.min(split.evaluation.length, request.verifyImages);
  return { ...split, synthetic: false, rejected };
}

async function readReferences(
  { inputs, references }: ConversionRequest,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<{ sets: Sample[]; rejected: Samples['rejected'] }> {
  const byInput = inputs.map((input) => ({
    input,
    files: references.map((reference, index) => ({ ...reference, index })).filter((file) => file.input === input.name),
  }));
  const total = byInput[0]?.files.length ?? 0;
  const sets: Sample[] = [];
  const rejected: Samples['rejected'] = [];
  let last: OnnxError | undefined;
  for (let place = 0; place < total; place++) {
    signal.throwIfAborted();
    const set: Sample = {};
    for (const { input, files } of byInput) {
      const file = files[place]!;
      try {
        set[input.name] = await preprocess(file.path, input, input.preprocess);
      } catch (error) {
        if (!(error instanceof OnnxError) || error.code !== 'ONNX.IMAGE_REJECTED') throw error;
        last = error;
        rejected.push({ index: file.index, reason: error.message });
      }
    }
    // A set with a rejected image is left out whole: inputs belong together.
    if (Object.keys(set).length === inputs.length) sets.push(set);
    onProgress(place + 1, total);
  }
  if (sets.length === 0 && last) throw last;
  return { sets, rejected };
}

function syntheticSamples({ inputs }: ConversionRequest): Samples {
  const { seed, calibration, evaluation } = SYNTHETIC;
  const count = calibration + evaluation;
  const all: Sample[] = Array.from({ length: count }, () => ({}));
  for (const input of inputs) {
    const tensors = syntheticTensors(input, input.preprocess, { seed, count });
    tensors.forEach((tensor, index) => (all[index]![input.name] = tensor));
  }
  return {
    calibration: all.slice(0, calibration),
    evaluation: all.slice(calibration),
    heldOut: false,
    synthetic: true,
    rejected: [],
  };
}
