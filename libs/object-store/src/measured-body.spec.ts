import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MeasuredBody } from './measured-body.js';

const CHUNK = 1024 * 1024;
const CHUNKS = 64;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes outside of the heap that are still held after the garbage is gone. */
function held(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe('MeasuredBody', () => {
  it.each([
    ['without a signal', undefined],
    ['with a signal', new AbortController().signal],
  ])('lets go of each chunk once it has passed, %s', async (_what, signal) => {
    const before = held();
    const source = Readable.from(
      (async function* () {
        for (let index = 0; index < CHUNKS; index += 1) yield Buffer.alloc(CHUNK, index);
        // A Readable of objects holds up to 16 ahead. What is garbage may be freed a moment later, by another thread;
        // what is held for good is never freed, and then the test's time limit ends this.
        while (held() - before >= (CHUNKS / 2) * CHUNK) await new Promise((resolve) => setTimeout(resolve, 20));
      })(),
    );
    const body = new MeasuredBody(source, { ...(signal && { signal }) });
    for await (const chunk of body) expect(chunk.length).toBe(CHUNK);
    expect(body.bytes).toBe(CHUNKS * CHUNK);
  });
});
