import type { Range } from './scales.js';

const bins = 2048;

/** Counts of values in equal bins over a known range. */
export interface Histogram {
  range: Range;
  counts: Float64Array;
  /** Values outside the range fall into the outer bins. */
  add(values: ArrayLike<number>): void;
}

export function histogramOf(range: Range): Histogram {
  const counts = new Float64Array(bins);
  const width = (range.max - range.min) / bins || 1;
  return {
    range,
    counts,
    add(values) {
      for (let at = 0; at < values.length; at++) {
        const bin = Math.min(bins - 1, Math.max(0, Math.floor(((values[at] ?? 0) - range.min) / width)));
        counts[bin] = (counts[bin] ?? 0) + 1;
      }
    },
  };
}

const isFlat = ({ min, max }: Range): boolean => !(max > min) || !Number.isFinite(max - min);

/** The range that keeps `part` of the values, cutting (1 - part) / 2 of them at each end. */
export function clippedByMass({ range, counts }: Histogram, part: number): Range {
  if (isFlat(range)) return range;
  const width = (range.max - range.min) / bins;
  const cut = (counts.reduce((sum, count) => sum + count, 0) * (1 - part)) / 2;
  const low = binsWithin(counts, cut);
  const high = binsWithin(Float64Array.from(counts).reverse(), cut);
  return { min: range.min + low * width, max: range.max - high * width };
}

/** How many leading bins hold at most `mass` values. */
function binsWithin(counts: Float64Array, mass: number): number {
  let sum = 0;
  let at = 0;
  while (at < bins - 1 && sum + (counts[at] ?? 0) <= mass) sum += counts[at++] ?? 0;
  return at;
}

/** The part of the full range whose squared error is least: rounding to `levels` steps inside, clipping outside. */
export function clippedByError({ range, counts }: Histogram, levels: number): Range {
  if (isFlat(range)) return range;
  const low = Math.min(0, range.min);
  const high = Math.max(0, range.max);
  let best = { min: range.min, max: range.max };
  let least = Infinity;
  for (let part = 100; part >= 20; part -= 2) {
    const candidate = { min: (low * part) / 100, max: (high * part) / 100 };
    const error = squaredError(range, counts, candidate, levels);
    if (error < least) [least, best] = [error, candidate];
  }
  return best;
}

function squaredError(range: Range, counts: Float64Array, { min, max }: Range, levels: number): number {
  const width = (range.max - range.min) / bins;
  const step = (max - min) / levels;
  const rounding = step ** 2 / 12;
  return counts.reduce((sum, count, at) => {
    const value = range.min + (at + 0.5) * width;
    const clip = value < min ? min - value : value > max ? value - max : 0;
    return sum + count * (clip > 0 ? clip ** 2 : rounding);
  }, 0);
}
