import type { DriverInfo } from '../driver/driver.types.js';
import type { ChildLauncher } from './child.launcher.js';

const LIMITS = { timeMs: 20_000, memoryBytes: 1024 ** 3, fileBytes: 1024 ** 2 };

/** What a driver says of itself, asked in a child: the runtime is never loaded here. Null when the child gave no answer. */
export async function driverInfo(launcher: ChildLauncher, driver: string): Promise<DriverInfo | null> {
  const child = await launcher.start();
  try {
    const outcome = await child.run({ t: 'info', driver }, { limits: LIMITS });
    return outcome.t === 'result' ? (outcome.value as DriverInfo) : null;
  } finally {
    await launcher.discard(child);
  }
}
