import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureCnn, fixtureImages, fixturePreprocess } from '#libs/testing';
import type { ConversionInput } from '../conversion.types.js';
import type { VerdictThresholds } from '../driver/driver.types.js';
import type { ChildOrder } from './child.types.js';

export const GIB = 1024 ** 3;
export const AMPLE = { timeMs: 60_000, memoryBytes: 4 * GIB, fileBytes: GIB };

export type OrderOptions = Partial<ConversionInput> & { cpus?: number; verdict?: VerdictThresholds };

/** A folder with the fixture network and its images, and orders to convert them. */
export interface ConversionFixture {
  folder: string;
  input: ConversionInput;
  /** `images` counts references; beyond 16 they repeat, for an order that takes long. */
  order(images: number, options?: OrderOptions): Extract<ChildOrder, { t: 'convert' }>;
  remove(): Promise<void>;
}

export async function conversionFixture(model: Uint8Array = fixtureCnn()): Promise<ConversionFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-conversion-'));
  await writeFile(join(folder, 'model.onnx'), model);
  const images = await fixtureImages(16);
  await Promise.all(images.map((bytes, index) => writeFile(join(folder, `${index}.png`), bytes)));
  const input: ConversionInput = {
    platform: '720',
    model: { key: 'model', sha256: digest(model), bytes: model.length },
    references: [],
    preprocess: fixturePreprocess,
  };
  return {
    folder,
    input,
    order: (count, { cpus = 1, verdict, ...options } = {}) => {
      const chosen = Array.from({ length: count }, (_, index) => index % images.length);
      return {
        t: 'convert',
        driver: 'reference',
        jobId: 'job',
        input: {
          ...input,
          references: chosen.map((index) => ({ key: `${index}.png`, sha256: digest(images[index]!) })),
          ...options,
        },
        files: {
          model: join(folder, 'model.onnx'),
          references: chosen.map((index) => join(folder, `${index}.png`)),
        },
        ...(verdict && { verdict }),
        limits: { timeMs: AMPLE.timeMs, memoryBytes: AMPLE.memoryBytes, cpus },
      };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
