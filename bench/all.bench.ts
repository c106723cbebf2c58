import { cpus } from 'node:os';
import { appendFigure, type AppendFigure } from './append.bench.js';
import { archiveFigure, type ArchiveFigure } from './archive.bench.js';
import { checkpointFigure, type CheckpointFigure } from './checkpoint.bench.js';
import { headFigures, type HeadFigure } from './head.bench.js';
import { peersFigures, type PeersFigure } from './peers.bench.js';
import { verifyFigure, type VerifyFigure } from './verify.bench.js';
import { writersFigure, type WritersFigure } from './writers.bench.js';

// Prints a table and, as the last line, everything as JSON. Asserts nothing: figures of a shared machine are no gate.
//   npm run bench                   all but the peers, which need Go
//   npm run bench -- append peers   these

const benches: Record<string, () => Promise<unknown>> = {
  append: () => each([1, 64, 1_000], appendFigure, appendLine),
  checkpoint: () => each([undefined], checkpointFigure, checkpointLine),
  head: async () => listed(await headFigures(), headLine),
  writers: () => each([1, 50], writersFigure, writersLine),
  verify: () => each([undefined], () => verifyFigure(), verifyLine),
  archive: () => each([undefined], () => archiveFigure(), archiveLines),
  peers: async () => listed((await peersFigures()) ?? [], peersLines),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) throw new Error(`expected ${Object.keys(benches).join(', ')}, found ${unknown.join(', ')}`);
const engine = process.env['MONGODB_URI'] ? 'external' : 'embedded';
const figures: Record<string, unknown> = { node: process.version, cpus: cpus().length, engine };
for (const name of asked.length > 0 ? asked : Object.keys(benches).filter((each) => each !== 'peers')) {
  figures[name] = await benches[name]!();
}
console.log(JSON.stringify(figures));

async function each<I, F>(
  inputs: readonly I[],
  measure: (input: I) => Promise<F>,
  line: (figure: F) => string,
): Promise<F[]> {
  const measured: F[] = [];
  for (const input of inputs) measured.push(...listed([await measure(input)], line));
  return measured;
}

function listed<F>(measured: F[], line: (figure: F) => string): F[] {
  for (const figure of measured) console.log(line(figure));
  return measured;
}

function appendLine(figure: AppendFigure): string {
  return (
    `append  ${String(figure.callers).padStart(4)} callers  ${perSecond(figure.appends_per_second)} acknowledged  ` +
    `${perSecond(figure.raw_per_second)} raw insertMany  ratio ${figure.ratio.toFixed(2)}  ` +
    `batch ${figure.batch}  disk ${figure.fdatasyncs_per_second} fdatasync/s`
  );
}

function checkpointLine(figure: CheckpointFigure): string {
  return (
    `checkpoint  ${perSecond(figure.appends_per_second)} appended  until signed and published: ` +
    `p50 ${figure.p50_ms} ms, p95 ${figure.p95_ms} ms, at most ${figure.max_ms} ms of ${figure.samples}`
  );
}

function headLine({ entries, head_us, examined }: HeadFigure): string {
  return `head    ${entries} entries  ${head_us} us a load, ${examined} keys and documents looked at`;
}

function writersLine(figure: WritersFigure): string {
  return (
    `writers ${figure.processes} x ${figure.callers} callers on ${figure.tenants} tenants  ` +
    `${perSecond(figure.together_per_second)} together  ${perSecond(figure.alone_per_second)} one alone  ` +
    `ratio ${figure.ratio.toFixed(2)}  least share ${figure.least_share.toFixed(2)}  ` +
    `p99 ${figure.p99_ms} ms (alone ${figure.alone_p99_ms} ms)  ${figure.entries} entries verified`
  );
}

function verifyLine(figure: VerifyFigure): string {
  return (
    `verify  ${figure.entries} entries  ${perSecond(figure.verified_per_second)} verified  ` +
    `${perSecond(figure.bare_per_second)} bare  ratio ${figure.ratio.toFixed(2)}  ` +
    `${perSecond(figure.from_store_per_second)} out of the store`
  );
}

function archiveLines({ entries, bytes, stored_bytes, steps }: ArchiveFigure): string {
  const lines = steps.map(
    ({ step, per_second, mb_per_second, ratio, cpu_us }) =>
      `archive ${step.padEnd(22)} ${perSecond(per_second)}  ${mb_per_second} MB/s  ratio ${ratio.toFixed(2)}` +
      (cpu_us === undefined ? '' : `  ${cpu_us} us CPU an entry`),
  );
  return [`archive ${entries} entries, ${bytes} bytes, ${stored_bytes} stored`, ...lines].join('\n');
}

function peersLines({ callers, systems, ratio }: PeersFigure): string {
  const lines = systems.map(
    ({ name, setting, appends_per_second, fdatasyncs_per_second }) =>
      `peers   ${String(callers).padStart(4)} callers  ${name.padEnd(8)} ${setting.padEnd(22)} ` +
      `${perSecond(appends_per_second)}  disk ${fdatasyncs_per_second} fdatasync/s`,
  );
  return [
    ...lines,
    `peers   ${String(callers).padStart(4)} callers  ours to the fastest other  ${ratio.toFixed(2)}`,
  ].join('\n');
}

function perSecond(value: number): string {
  return `${value.toLocaleString('en-US')}/s`;
}
