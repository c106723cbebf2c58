import { DataType } from './model.types.js';

/** The values a tensor took in float. */
export interface Range {
  min: number;
  max: number;
}

/** By tensor name. */
export type Ranges = Map<string, Range>;

export type Scheme = 'asymmetric' | 'symmetric' | 'symmetric-pow2';

/** real = (integer - zeroPoint) x scale */
export interface Scale {
  scale: number;
  zeroPoint: number;
  /** ONNX element type of the integers. */
  dataType: number;
}

export const integerLimits: Record<number, { lowest: number; highest: number } | undefined> = {
  [DataType.UINT8]: { lowest: 0, highest: 255 },
  [DataType.INT8]: { lowest: -127, highest: 127 },
  [DataType.UINT16]: { lowest: 0, highest: 65535 },
  [DataType.INT16]: { lowest: -32767, highest: 32767 },
};

/** A range of width zero still needs a scale above zero. */
const emptyRange: Range = { min: 0, max: 1 };

/** The scale of an activation. Zero is always exactly representable. */
export function activationScale(range: Range, scheme: Scheme, bits: 8 | 16): Scale {
  const { min, max } = usable(range);
  if (scheme === 'asymmetric') {
    const dataType = bits === 8 ? DataType.UINT8 : DataType.UINT16;
    const highest = bits === 8 ? 255 : 65535;
    const scale = Math.fround((max - min) / highest);
    return { scale, zeroPoint: clamp(roundHalfEven(-min / scale), 0, highest), dataType };
  }
  const dataType = bits === 8 ? DataType.INT8 : DataType.INT16;
  return { scale: symmetricScale(Math.max(-min, max), scheme, bits), zeroPoint: 0, dataType };
}

function usable(range: Range): Range {
  const min = Math.min(0, range.min);
  const max = Math.max(0, range.max);
  return Math.fround((max - min) / 65535) >= 1e-30 ? { min, max } : emptyRange;
}

/** One step of a symmetric grid. Powers of two as the vendor's radix: radix = 7 - ceil(log2(absMax)), step = 2^-radix. */
export function symmetricScale(absMax: number, scheme: Scheme, bits: 8 | 16): number {
  const steps = 2 ** (bits - 1);
  if (scheme === 'symmetric-pow2') return 2 ** Math.ceil(Math.log2(absMax)) / steps;
  return Math.fround(absMax / (steps - 1));
}

/** Integers nearest to `values`, ties to even as QuantizeLinear rounds. */
export function integersOf(values: ArrayLike<number>, { scale, zeroPoint, dataType }: Scale): number[] {
  const { lowest, highest } = integerLimits[dataType] ?? { lowest: 0, highest: 0 };
  return Array.from(values, (value) => clamp(roundHalfEven(value / scale) + zeroPoint, lowest, highest));
}

export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const clamp = (value: number, lowest: number, highest: number): number => Math.min(highest, Math.max(lowest, value));

export interface WeightGrid {
  /** One per channel, or one in all. */
  scales: number[];
  /** int8, in the order of the weights. */
  integers: Int8Array;
}

/**
 * int8 weights within +-127, symmetric. A channel of zeros takes the scale of its largest neighbour.
 * @param axis channel axis, or null for one scale in all
 */
export function weightGrid(values: Float32Array, dims: number[], axis: number | null, scheme: Scheme): WeightGrid {
  const channels = axis === null ? 1 : (dims[axis] ?? 1);
  const inner = axis === null ? values.length : dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channelOf = (index: number): number => Math.floor(index / inner) % channels;
  const absMax = new Array<number>(channels).fill(0);
  values.forEach((value, index) => {
    const channel = channelOf(index);
    absMax[channel] = Math.max(absMax[channel] ?? 0, Math.abs(value));
  });
  const largest = Math.max(...absMax) || 1;
  const scales = absMax.map((max) => symmetricScale(max > largest * 1e-9 ? max : largest, scheme, 8));
  const integers = new Int8Array(values.length);
  values.forEach((value, index) => {
    integers[index] = clamp(roundHalfEven(value / (scales[channelOf(index)] ?? 1)), -127, 127);
  });
  return { scales, integers };
}
