import { cpus } from 'node:os';
import { appendFigure, type AppendFigure } from './append.bench.js';
import { verifyFigure } from './verify.bench.js';

// Prints a table and, as the last line, everything as JSON. Asserts nothing: figures of a shared machine are no gate.
const appends: AppendFigure[] = [];
for (const callers of [1, 64, 1_000]) {
  const figure = await appendFigure(callers);
  appends.push(figure);
  console.log(
    `append  ${String(callers).padStart(4)} callers  ${perSecond(figure.appends_per_second)} acknowledged  ` +
      `${perSecond(figure.raw_per_second)} raw insertMany  ratio ${figure.ratio.toFixed(2)}  ` +
      `batch ${figure.batch}  disk ${figure.fdatasyncs_per_second} fdatasync/s`,
  );
}
const verify = await verifyFigure();
console.log(
  `verify  ${verify.entries} entries  ${perSecond(verify.verified_per_second)} verified  ` +
    `${perSecond(verify.bare_per_second)} bare  ratio ${verify.ratio.toFixed(2)}  ` +
    `${perSecond(verify.from_store_per_second)} out of the store`,
);
const engine = process.env['MONGODB_URI'] ? 'external' : 'embedded';
console.log(JSON.stringify({ node: process.version, cpus: cpus().length, engine, append: appends, verify }));

function perSecond(value: number): string {
  return `${value.toLocaleString('en-US')}/s`;
}
