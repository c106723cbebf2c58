import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { driverById } from '../drivers/registry.js';
import type { ConversionDriver } from '../driver/driver.types.js';
import type { ChildOrder, FromChild, ToChild } from './child.types.js';
import { conversionRequest, preflightRequest } from './request.js';
import { endWithParent } from './watchdog.js';

/**
 * The program of one child: takes one order over the channel, leaves `result.json` in its folder, tells the digest and
 * ends. Arguments: its folder, the id of its parent. Writes nowhere else.
 */
const [folder = '', parent = ''] = process.argv.slice(2);
endWithParent(Number(parent));
setPriority(constants.priority.PRIORITY_LOW);

const abort = new AbortController();
process.once('disconnect', () => process.exit(1));
process.on('message', (message: ToChild) => {
  if (message.t === 'abort') abort.abort();
  else void obey(message).then(finish, fail);
});

async function obey(order: ChildOrder): Promise<unknown> {
  const driver = driverById(order.driver);
  switch (order.t) {
    case 'info':
      return driver.info();
    case 'preflight':
      return preflight(driver, order);
    case 'convert':
      return convert(driver, order);
  }
}

async function preflight(driver: ConversionDriver, order: Extract<ChildOrder, { t: 'preflight' }>): Promise<unknown> {
  const { request, ports } = preflightRequest(order);
  return { issues: await driver.check(request), inputs: ports };
}

async function convert(driver: ConversionDriver, order: Extract<ChildOrder, { t: 'convert' }>): Promise<unknown> {
  const workDir = join(folder, 'work');
  mkdirSync(workDir, { mode: 0o700 });
  return driver.run(conversionRequest(order), {
    workDir,
    signal: abort.signal,
    emit: (event) => tell({ t: 'event', event }),
    limits: order.limits,
  });
}

/** The file is complete before its digest leaves: a parent that got the digest has the result. */
function finish(result: unknown): void {
  const bytes = Buffer.from(JSON.stringify(result));
  writeFileSync(join(folder, 'result.json'), bytes, { mode: 0o600 });
  tell({ t: 'done', sha256: createHash('sha256').update(bytes).digest('hex') }, () => process.exit(0));
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`, () =>
    process.exit(70),
  );
}

function tell(message: FromChild, sent: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, sent);
}
