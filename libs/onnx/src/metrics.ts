/** Sums over pairs of a reference and a tested value, added up image by image. */
export class PairSums {
  private signal = 0;
  private noise = 0;
  private product = 0;
  private tested = 0;
  private largest = 0;
  private values = 0;
  private finite = true;

  add(reference: ArrayLike<number>, tested: ArrayLike<number>): void {
    for (let at = 0; at < reference.length; at++) {
      const a = reference[at] ?? NaN;
      const b = tested[at] ?? NaN;
      const difference = a - b;
      this.signal += a * a;
      this.tested += b * b;
      this.product += a * b;
      this.noise += difference * difference;
      this.largest = Math.max(this.largest, Math.abs(difference));
      if (!Number.isFinite(a) || !Number.isFinite(b)) this.finite = false;
    }
    this.values += reference.length;
  }

  get isFinite(): boolean {
    return this.finite;
  }

  /** True when no value differs; the ratio is then infinite and `snrDb` null. */
  get exact(): boolean {
    return this.finite && this.noise === 0;
  }

  /** 10 log10 of signal over noise power, in dB; null when exact or not finite. */
  get snrDb(): number | null {
    if (!this.finite || this.noise === 0) return null;
    return this.signal === 0 ? 0 : 10 * Math.log10(this.signal / this.noise);
  }

  /** Null when a side is all zero or not finite. */
  get cosine(): number | null {
    const norm = Math.sqrt(this.signal) * Math.sqrt(this.tested);
    return this.finite && norm > 0 ? this.product / norm : null;
  }

  get rmse(): number | null {
    return this.finite && this.values > 0 ? Math.sqrt(this.noise / this.values) : null;
  }

  get maxAbs(): number | null {
    return this.finite ? this.largest : null;
  }
}

/** A float channel that moves less than this part of its output's range may well be constant in 8 bits. */
const movingPart = 0.02;

/** The range of each channel (axis 1) of an output on both sides, to tell channels that died. */
export class ChannelRanges {
  private readonly reference: Extent[];
  private readonly tested: Extent[];

  constructor(private readonly shape: readonly number[]) {
    const channels = shape.length > 1 ? (shape[1] ?? 1) : 1;
    this.reference = Array.from({ length: channels }, () => new Extent());
    this.tested = Array.from({ length: channels }, () => new Extent());
  }

  add(reference: ArrayLike<number>, tested: ArrayLike<number>): void {
    const inner = this.shape.slice(2).reduce((a, b) => a * b, 1);
    for (let at = 0; at < reference.length; at++) {
      const channel = Math.floor(at / inner) % this.reference.length;
      this.reference[channel]?.add(reference[at] ?? NaN);
      this.tested[channel]?.add(tested[at] ?? NaN);
    }
  }

  /** Channels that vary in float and are constant in the tested model. */
  get dead(): number {
    const whole = Extent.of(this.reference);
    return this.reference.filter((extent, at) => {
      const tested = this.tested[at];
      return extent.width > movingPart * whole.width && tested !== undefined && tested.width === 0;
    }).length;
  }

  /** The whole output varies in float and is constant in the tested model. */
  get constant(): boolean {
    return Extent.of(this.reference).width > 0 && Extent.of(this.tested).width === 0;
  }
}

class Extent {
  private min = Infinity;
  private max = -Infinity;

  static of(parts: Extent[]): Extent {
    const whole = new Extent();
    for (const part of parts) {
      whole.add(part.min);
      whole.add(part.max);
    }
    return whole;
  }

  add(value: number): void {
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  get width(): number {
    return this.max > this.min ? this.max - this.min : 0;
  }
}

/** The index of the largest value; the first of equals. */
export function largestAt(values: ArrayLike<number>): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at;
  return best;
}
