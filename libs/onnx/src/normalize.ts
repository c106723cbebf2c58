import { OnnxError } from './onnx.errors.js';

/**
 * From bytes 0..255 to the floats a network was trained on. `mean` and `std` are in units of 0..255 and in the order of
 * the channels: (v - mean) / std.
 */
export type Normalize =
  'kneron' | 'tensorflow' | 'yolo' | 'pytorch' | 'caffe' | 'none' | { mean: number[]; std: number[] };

type ChannelOrder = 'RGB' | 'BGR' | 'L';
type Formula = (value: number, colour: 0 | 1 | 2) => number;

/** ImageNet statistics as torchvision and caffe publish them, in the order R, G, B. */
const torchMean = [0.485, 0.456, 0.406] as const;
const torchStd = [0.229, 0.224, 0.225] as const;
const caffeMean = [123.68, 116.779, 103.939] as const;

/** Formulas of conversion.md §1.3, by colour, so that they hold in either channel order. */
const formulas: Record<Extract<Normalize, string>, Formula> = {
  kneron: (value) => value / 256 - 0.5,
  tensorflow: (value) => value / 127.5 - 1,
  yolo: (value) => value / 255,
  pytorch: (value, colour) => (value / 255 - torchMean[colour]) / torchStd[colour],
  caffe: (value, colour) => value - caffeMean[colour],
  none: (value) => value,
};

const coloursOf = { RGB: [0, 1, 2], BGR: [2, 1, 0], L: [0] } as const;

/** One table of 256 floats per channel, in channel order. Throws ONNX.PREPROCESS_MISMATCH. */
export function normalizerTables(normalize: Normalize, channels: ChannelOrder): Float32Array[] {
  const colours = coloursOf[channels];
  if (typeof normalize !== 'string') return customTables(normalize, colours.length);
  if (channels === 'L' && (normalize === 'pytorch' || normalize === 'caffe')) {
    throw new OnnxError('ONNX.PREPROCESS_MISMATCH', `normaliser ${normalize} expects three colours, found grey images`);
  }
  const formula = formulas[normalize];
  return colours.map((colour) => Float32Array.from({ length: 256 }, (_, value) => formula(value, colour)));
}

function customTables({ mean, std }: { mean: number[]; std: number[] }, channels: number): Float32Array[] {
  const usable = [...mean, ...std].every(Number.isFinite) && std.every((value) => value !== 0);
  if (mean.length !== channels || std.length !== channels || !usable) {
    throw new OnnxError(
      'ONNX.PREPROCESS_MISMATCH',
      `expected ${channels} finite means and deviations (none 0), found ${mean.length} and ${std.length}`,
    );
  }
  return mean.map((shift, at) => Float32Array.from({ length: 256 }, (_, value) => (value - shift) / (std[at] ?? 1)));
}
