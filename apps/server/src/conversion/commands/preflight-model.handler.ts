import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { join } from 'node:path';
import type { ObjectStore } from '#libs/object-store';
import { OBJECT_STORE } from '../../tokens.js';
import { ChildLauncher } from '../child/child.launcher.js';
import type { ConversionChild } from '../child/child.process.js';
import { AtMost } from '../child/at-most.js';
import { WarmChild } from '../child/warm-child.js';
import { DRIVER } from '../driver/driver.types.js';
import { ConversionError } from '../conversion.errors.js';
import type { ConversionInput, Preflight } from '../conversion.types.js';
import { fetchObject } from '../worker/task-files.js';
import { PreflightModel } from './preflight-model.command.js';

const AT_ONCE = 4;
const TIME_MS = 20_000;
const MEMORY_BYTES = 1024 * 1024 * 1024;
const FILE_BYTES_BESIDE_MODEL = 16 * 1024 * 1024;

@CommandHandler(PreflightModel)
export class PreflightModelHandler implements ICommandHandler<PreflightModel> {
  private readonly atMost = new AtMost(AT_ONCE);

  constructor(
    private readonly warm: WarmChild,
    private readonly launcher: ChildLauncher,
    @Inject(OBJECT_STORE) private readonly objects: ObjectStore,
  ) {}

  async execute({ input }: PreflightModel): Promise<Preflight> {
    return this.atMost.run(async () => {
      const child = await this.warm.take();
      try {
        return await this.preflight(child, input);
      } finally {
        await this.launcher.discard(child);
      }
    });
  }

  private async preflight(child: ConversionChild, input: ConversionInput): Promise<Preflight> {
    const file = join(child.folder, 'model.onnx');
    await fetchObject(input.model, file, this.objects);
    const { platform, model, references, ...options } = input;
    const outcome = await child.run(
      {
        t: 'preflight',
        driver: DRIVER,
        model: file,
        platform,
        input: { ...options, references: references.map((reference) => reference.input) },
      },
      {
        limits: { timeMs: TIME_MS, memoryBytes: MEMORY_BYTES, fileBytes: FILE_BYTES_BESIDE_MODEL + model.bytes },
      },
    );
    if (outcome.t === 'result') return outcome.value as Preflight;
    throw new ConversionError(
      'CONVERSION.PREFLIGHT_FAILED',
      `expected an answer of the child, it ended: ${outcome.why} (${outcome.detail})`,
    );
  }
}
