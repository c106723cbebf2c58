import { imageSize, tensorOf } from './preprocess.js';
import type { ImageInput, Preprocess } from './preprocess.js';

/**
 * Inputs for a model without reference images: smooth colour fields with noise over the whole byte range, normalised as
 * `spec` says. The same seed gives the same values. Ranges found on them are a guess, never a calibration.
 */
export function syntheticTensors(
  input: ImageInput,
  spec: Preprocess,
  options: { seed: number; count: number },
): Float32Array[] {
  const { width, height } = imageSize(input, spec);
  const channels = spec.channels === 'L' ? 1 : 3;
  const random = seededRandom(options.seed);
  return Array.from({ length: options.count }, () =>
    tensorOf(colourField(width, height, channels, random), input, spec),
  );
}

function colourField(width: number, height: number, channels: number, random: () => number): Uint8Array {
  const waves = Array.from({ length: channels }, () => ({ x: random() * 6, y: random() * 6, phase: random() * 6.28 }));
  const noise = random() * 96;
  return Uint8Array.from({ length: width * height * channels }, (_, at) => {
    const wave = waves[at % channels] ?? { x: 0, y: 0, phase: 0 };
    const pixel = Math.floor(at / channels);
    const angle = (wave.x * (pixel % width)) / width + (wave.y * Math.floor(pixel / width)) / height + wave.phase;
    const value = 127.5 + 127.5 * Math.sin(angle) + (random() - 0.5) * noise;
    return Math.min(255, Math.max(0, Math.round(value)));
  });
}

/** mulberry32: uniform in [0, 1), 2^32 values. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
