import fc from 'fast-check';
import { clippedByError, clippedByMass, histogramOf } from './histogram.js';
import { DataType } from './model.types.js';
import { activationScale, integersOf, roundHalfEven, weightGrid } from './scales.js';
import type { Scheme } from './scales.js';

const finite = fc.float({ min: -1e6, max: 1e6, noNaN: true });
const range = fc.tuple(finite, finite).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));
const scheme = fc.constantFrom<Scheme>('asymmetric', 'symmetric', 'symmetric-pow2');

describe('activationScale', () => {
  it('has a step above zero, and zero itself on the grid', () => {
    fc.assert(
      fc.property(range, scheme, fc.constantFrom<8 | 16>(8, 16), (seen, how, bits) => {
        const scale = activationScale(seen, how, bits);
        expect(scale.scale).toBeGreaterThan(0);
        expect(integersOf([0], scale)).toEqual([scale.zeroPoint]);
      }),
    );
  });

  it('brings back any value of the range within one step', () => {
    fc.assert(
      fc.property(range, fc.double({ min: 0, max: 1, noNaN: true }), scheme, (seen, at, how) => {
        const value = seen.min + at * (seen.max - seen.min);
        const scale = activationScale(seen, how, 8);
        const [integer] = integersOf([value], scale);
        expect(Math.abs((integer! - scale.zeroPoint) * scale.scale - value)).toBeLessThanOrEqual(scale.scale * 1.001);
      }),
    );
  });

  it.each([
    [{ min: -0.5, max: 0.5 }, 2 ** -8],
    [{ min: -1, max: 1 }, 2 ** -7],
    [{ min: 0, max: 5 }, 2 ** -4],
  ])('follows the vendor radix for powers of two: %j', (seen, step) => {
    expect(activationScale(seen, 'symmetric-pow2', 8)).toEqual({ scale: step, zeroPoint: 0, dataType: DataType.INT8 });
  });

  it('gives unsigned integers of the asked width', () => {
    expect(activationScale({ min: -1, max: 3 }, 'asymmetric', 8)).toMatchObject({
      dataType: DataType.UINT8,
      zeroPoint: 64,
    });
    expect(activationScale({ min: -1, max: 1 }, 'asymmetric', 16)).toMatchObject({ dataType: DataType.UINT16 });
  });
});

describe('roundHalfEven', () => {
  it.each([
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [2.4, 2],
    [-2.6, -3],
  ])('%d to %d', (value, expected) => {
    expect(roundHalfEven(value) + 0).toBe(expected);
  });
});

describe('weightGrid', () => {
  it('uses -127 to 127 and no more, channel by channel', () => {
    const { scales, integers } = weightGrid(Float32Array.of(1, -1, 0.5, 8, -8, 4), [2, 3], 0, 'asymmetric');
    expect([...integers]).toEqual([127, -127, 64, 127, -127, 64]);
    expect(scales[1]! / scales[0]!).toBeCloseTo(8, 5);
  });

  it('takes channels along the second axis too', () => {
    const { integers } = weightGrid(Float32Array.of(1, 8, -1, -4), [2, 2], 1, 'asymmetric');
    expect([...integers]).toEqual([127, 127, -127, -64]);
  });

  it('never has a step of zero, not for a zero channel nor for zero weights', () => {
    const { scales } = weightGrid(Float32Array.of(0, 0, 3, 1), [2, 2], 0, 'asymmetric');
    expect(scales[0]).toBe(scales[1]);
    expect(weightGrid(new Float32Array(4), [2, 2], 0, 'symmetric').scales.every((scale) => scale > 0)).toBe(true);
  });
});

describe('histogram cuts', () => {
  /** 0 to 1 in even steps, and one outlier at 100. */
  const skewed = () => {
    const histogram = histogramOf({ min: 0, max: 100 });
    histogram.add(Array.from({ length: 10_000 }, (_, at) => at / 10_000));
    histogram.add([100]);
    return histogram;
  };

  it('percentage drops the outlier', () => {
    const { min, max } = clippedByMass(skewed(), 0.999);
    expect(min).toBeLessThan(0.1);
    expect(max).toBeLessThan(2);
  });

  it('a percentage of 1 keeps everything', () => {
    expect(clippedByMass(skewed(), 1)).toEqual({ min: 0, max: 100 });
  });

  it('mse keeps an outlier that would cost more than it gives, and cuts one that many values pay for', () => {
    expect(clippedByError(skewed(), 255).max).toBeGreaterThan(90);
    const crowded = histogramOf({ min: 0, max: 100 });
    crowded.add(Array.from({ length: 1_000_000 }, (_, at) => (at % 1000) / 1000));
    crowded.add([100]);
    expect(clippedByError(crowded, 255).max).toBeLessThan(90);
  });

  it('a constant tensor keeps its range', () => {
    const flat = histogramOf({ min: 3, max: 3 });
    flat.add([3, 3]);
    expect(clippedByMass(flat, 0.9)).toEqual({ min: 3, max: 3 });
    expect(clippedByError(flat, 255)).toEqual({ min: 3, max: 3 });
  });
});
