import sharp from 'sharp';
import { normalizerTables } from './normalize.js';
import type { Normalize } from './normalize.js';
import { OnnxError } from './onnx.errors.js';
import { textOf } from './session.js';

/** How a reference image becomes an input tensor. It must equal what was done in training. */
export interface Preprocess {
  /** `letterbox` keeps the aspect ratio and pads. */
  resize: 'stretch' | 'letterbox';
  /** Where letterbox pads: right and bottom, or both sides. */
  pad: 'corner' | 'symmetric';
  /** 0..255, before normalisation. */
  padValue: number;
  channels: 'RGB' | 'BGR' | 'L';
  /** In pixels of the upright image, before resizing. */
  crop?: { x: number; y: number; w: number; h: number };
  normalize: Normalize;
}

export const defaultPreprocess: Preprocess = {
  resize: 'letterbox',
  pad: 'corner',
  padValue: 0,
  channels: 'RGB',
  normalize: 'kneron',
};

export interface ImageInput {
  /** Four dims, batch 1. */
  shape: readonly number[];
  layout: 'NCHW' | 'NHWC';
}

export interface ImageLimits {
  /** Larger images are rejected before they are decoded. Default 50 million pixels. */
  maxPixels?: number;
}

/**
 * The image as float32 in the input's ONNX shape: upright (EXIF), alpha flattened on black, cropped, resized (bilinear),
 * channels ordered, normalised.
 * Rejects with ONNX.IMAGE_REJECTED and a reason, or ONNX.PREPROCESS_MISMATCH when `spec` cannot give this shape.
 */
export async function preprocess(
  file: string | Uint8Array,
  input: ImageInput,
  spec: Preprocess,
  limits: ImageLimits = {},
): Promise<Float32Array> {
  const size = imageSize(input, spec);
  return tensorOf(await pixelsOf(file, size, spec, limits.maxPixels ?? 50_000_000), input, spec);
}

export function imageSize({ shape, layout }: ImageInput, spec: Preprocess): { width: number; height: number } {
  const [batch, channels, height, width] = layout === 'NCHW' ? shape : [shape[0], shape[3], shape[1], shape[2]];
  const expected = spec.channels === 'L' ? 1 : 3;
  if (shape.length !== 4 || batch !== 1 || channels !== expected || !width || !height) {
    throw new OnnxError(
      'ONNX.PREPROCESS_MISMATCH',
      `${spec.channels} images in ${layout} give 1 image of ${expected} channels, the input expects ${shape.join('x')}`,
      { hint: 'check layout and channels' },
    );
  }
  return { width, height };
}

/** RGB or grey bytes, interleaved, of exactly `size`. */
async function pixelsOf(
  file: string | Uint8Array,
  size: { width: number; height: number },
  spec: Preprocess,
  limitInputPixels: number,
): Promise<Uint8Array> {
  const { resize, pad, padValue, crop, channels } = spec;
  try {
    let image = sharp(file, { limitInputPixels, failOn: 'error' }).rotate().flatten({ background: '#000' });
    image = image.toColourspace(channels === 'L' ? 'b-w' : 'srgb');
    if (crop) image = image.extract({ left: crop.x, top: crop.y, width: crop.w, height: crop.h });
    const { data, info } = await image
      .resize({
        ...size,
        kernel: 'linear',
        fit: resize === 'stretch' ? 'fill' : 'contain',
        position: pad === 'corner' ? 'left top' : 'centre',
        background: { r: padValue, g: padValue, b: padValue },
      })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return withChannels(data, info.channels, channels === 'L' ? 1 : 3);
  } catch (cause) {
    throw new OnnxError('ONNX.IMAGE_REJECTED', textOf(cause), { cause });
  }
}

/** Grey images come out with one channel, some with more than asked. */
function withChannels(data: Uint8Array, found: number, wanted: number): Uint8Array {
  if (found === wanted) return data;
  const pixels = data.length / found;
  return Uint8Array.from({ length: pixels * wanted }, (_, at) => {
    const channel = Math.min(at % wanted, found === 2 ? 0 : found - 1);
    return data[Math.floor(at / wanted) * found + channel] ?? 0;
  });
}

/** Bytes to normalised floats through one table of 256 entries per channel, in the input's layout. */
export function tensorOf(pixels: Uint8Array, { shape, layout }: ImageInput, spec: Preprocess): Float32Array {
  const channels = spec.channels === 'L' ? 1 : 3;
  const tables = normalizerTables(spec.normalize, spec.channels);
  const plane = pixels.length / channels;
  const tensor = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let channel = 0; channel < channels; channel++) {
    const source = spec.channels === 'BGR' ? 2 - channel : channel;
    const table = tables[channel] ?? new Float32Array(256);
    for (let pixel = 0; pixel < plane; pixel++) {
      const target = layout === 'NCHW' ? channel * plane + pixel : pixel * channels + channel;
      tensor[target] = table[pixels[pixel * channels + source] ?? 0] ?? 0;
    }
  }
  return tensor;
}
