import sharp from 'sharp';
import { OnnxError } from './onnx.errors.js';
import { defaultPreprocess, preprocess } from './preprocess.js';
import type { Preprocess } from './preprocess.js';
import { syntheticTensors } from './synthetic.js';

const raw: Preprocess = { ...defaultPreprocess, resize: 'stretch', normalize: 'none' };
const nchw = (channels: number, height: number, width: number) =>
  ({ shape: [1, channels, height, width], layout: 'NCHW' }) as const;
const nhwc = (channels: number, height: number, width: number) =>
  ({ shape: [1, height, width, channels], layout: 'NHWC' }) as const;

/** A PNG of these pixels, each [r, g, b]. */
const png = (width: number, pixels: number[][]): Promise<Buffer> => {
  const channels = pixels[0]!.length as 3 | 4;
  return sharp(Uint8Array.from(pixels.flat()), { raw: { width, height: pixels.length / width, channels } })
    .png()
    .toBuffer();
};
const plain = (width: number, height: number, colour: number[]): Promise<Buffer> =>
  png(
    width,
    Array.from({ length: width * height }, () => colour),
  );

async function rejection(action: Promise<unknown>): Promise<OnnxError> {
  const error: unknown = await action.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OnnxError);
  return error as OnnxError;
}

describe('preprocess', () => {
  describe('channel order, which no accuracy figure can show', () => {
    const twoPixels = png(2, [
      [10, 20, 30],
      [40, 50, 60],
    ]);

    it.each([
      ['RGB', [10, 40, 20, 50, 30, 60]],
      ['BGR', [30, 60, 20, 50, 10, 40]],
    ] as const)('puts %s in planes for NCHW', async (channels, expected) => {
      expect([...(await preprocess(await twoPixels, nchw(3, 1, 2), { ...raw, channels }))]).toEqual(expected);
    });

    it.each([
      ['RGB', [10, 20, 30, 40, 50, 60]],
      ['BGR', [30, 20, 10, 60, 50, 40]],
    ] as const)('interleaves %s for NHWC', async (channels, expected) => {
      expect([...(await preprocess(await twoPixels, nhwc(3, 1, 2), { ...raw, channels }))]).toEqual(expected);
    });

    it('gives one channel of luminance for L', async () => {
      const grey = await preprocess(await plain(2, 1, [77, 77, 77]), nchw(1, 1, 2), { ...raw, channels: 'L' });
      expect([...grey]).toEqual([77, 77]);
    });

    it('repeats a grey image over three channels', async () => {
      const grey = await sharp(await plain(2, 1, [77, 77, 77]))
        .toColourspace('b-w')
        .png()
        .toBuffer();
      expect([...(await preprocess(grey, nchw(3, 1, 2), raw))]).toEqual([77, 77, 77, 77, 77, 77]);
    });
  });

  describe('normalisation', () => {
    const colour = [200, 100, 50];
    it.each<[string, Preprocess['normalize'], number[]]>([
      ['kneron', 'kneron', [200 / 256 - 0.5, 100 / 256 - 0.5, 50 / 256 - 0.5]],
      ['tensorflow', 'tensorflow', [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]],
      ['yolo', 'yolo', [200 / 255, 100 / 255, 50 / 255]],
      ['pytorch', 'pytorch', [(200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225]],
      ['none', 'none', colour],
      ['mean and std', { mean: [1, 2, 3], std: [2, 4, 8] }, [199 / 2, 98 / 4, 47 / 8]],
    ])('%s', async (_, normalize, expected) => {
      const tensor = await preprocess(await plain(1, 1, colour), nchw(3, 1, 1), { ...raw, normalize });
      tensor.forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 5));
    });

    it('caffe takes its means by colour, in BGR order', async () => {
      const spec: Preprocess = { ...raw, normalize: 'caffe', channels: 'BGR' };
      const tensor = await preprocess(await plain(1, 1, colour), nchw(3, 1, 1), spec);
      [50 - 103.939, 100 - 116.779, 200 - 123.68].forEach((value, at) => expect(tensor[at]).toBeCloseTo(value, 4));
    });

    it('refuses statistics of another channel count', async () => {
      const spec: Preprocess = { ...raw, normalize: { mean: [1], std: [1] } };
      expect(await rejection(preprocess(await plain(1, 1, colour), nchw(3, 1, 1), spec))).toMatchObject({
        code: 'ONNX.PREPROCESS_MISMATCH',
      });
    });
  });

  describe('geometry', () => {
    const wide = plain(4, 2, [100, 100, 100]);
    const rows = (tensor: Float32Array): number[] => [0, 1, 2, 3].map((row) => tensor[row * 4]!);

    it.each([
      ['corner', [100, 100, 9, 9]],
      ['symmetric', [9, 100, 100, 9]],
    ] as const)('letterbox pads %s with the pad value', async (pad, expected) => {
      const tensor = await preprocess(await wide, nchw(3, 4, 4), { ...raw, resize: 'letterbox', pad, padValue: 9 });
      expect(rows(tensor)).toEqual(expected);
    });

    it('stretch fills the whole input', async () => {
      expect(rows(await preprocess(await wide, nchw(3, 4, 4), raw))).toEqual([100, 100, 100, 100]);
    });

    it('crops before it resizes', async () => {
      const image = await png(2, [
        [1, 1, 1],
        [200, 200, 200],
      ]);
      const tensor = await preprocess(image, nchw(3, 1, 1), { ...raw, crop: { x: 1, y: 0, w: 1, h: 1 } });
      expect([...tensor]).toEqual([200, 200, 200]);
    });

    it('turns an image upright by its EXIF orientation', async () => {
      const image = await png(2, [
        [10, 10, 10],
        [250, 250, 250],
      ]);
      const turned = await sharp(image).withMetadata({ orientation: 3 }).png().toBuffer();
      const tensor = await preprocess(turned, nchw(3, 1, 2), raw);
      expect([tensor[0], tensor[1]]).toEqual([250, 10]);
    });

    it('flattens transparency on black', async () => {
      const tensor = await preprocess(await plain(1, 1, [200, 200, 200, 0]), nchw(3, 1, 1), raw);
      expect([...tensor]).toEqual([0, 0, 0]);
    });
  });

  describe('when an image cannot be used', () => {
    it.each<[string, () => Promise<Uint8Array>, Preprocess]>([
      ['no image', async () => Buffer.from('not an image'), raw],
      ['truncated', async () => (await plain(64, 64, [1, 2, 3])).subarray(0, 60), raw],
      ['smaller than the crop', () => plain(2, 2, [1, 2, 3]), { ...raw, crop: { x: 0, y: 0, w: 9, h: 9 } }],
    ])('rejects one that is %s, with a reason', async (_, file, spec) => {
      const error = await rejection(preprocess(await file(), nchw(3, 4, 4), spec));
      expect(error).toMatchObject({ code: 'ONNX.IMAGE_REJECTED', errorClass: 'user' });
      expect(error.message.length).toBeGreaterThan(10);
    });

    it('rejects more pixels than allowed before decoding them', async () => {
      const error = await rejection(preprocess(await plain(20, 20, [1, 2, 3]), nchw(3, 4, 4), raw, { maxPixels: 399 }));
      expect(error.message).toMatch(/pixel limit/i);
    });
  });

  it.each([
    ['channels', nchw(4, 8, 8)],
    ['layout', { shape: [1, 3, 8, 8], layout: 'NHWC' } as const],
    ['rank', { shape: [1, 3], layout: 'NCHW' } as const],
    ['batch', { shape: [2, 3, 8, 8], layout: 'NCHW' } as const],
  ])('refuses an input of other %s', async (_, input) => {
    expect(await rejection(preprocess(await plain(1, 1, [1, 2, 3]), input, raw))).toMatchObject({
      code: 'ONNX.PREPROCESS_MISMATCH',
    });
  });
});

describe('syntheticTensors', () => {
  const input = nchw(3, 16, 16);

  it('gives the same values for the same seed and others for another', () => {
    const [first] = syntheticTensors(input, raw, { seed: 1, count: 2 });
    expect(syntheticTensors(input, raw, { seed: 1, count: 2 })[0]).toEqual(first);
    expect(syntheticTensors(input, raw, { seed: 2, count: 2 })[0]).not.toEqual(first);
  });

  it('covers the byte range as the normaliser maps it', () => {
    const values = syntheticTensors(input, { ...raw, normalize: 'kneron' }, { seed: 1, count: 16 }).flatMap(
      (tensor) => [...tensor],
    );
    expect(Math.min(...values)).toBe(-0.5);
    expect(Math.max(...values)).toBeCloseTo(255 / 256 - 0.5, 6);
  });
});
