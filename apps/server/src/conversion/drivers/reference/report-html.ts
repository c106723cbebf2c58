import { NOTICE } from './package.js';
import { snrChart } from './report-chart.js';
import { decibels, escaped } from './report-text.js';
import type { Report } from './conversion-report.js';

/** A report as one page that needs nothing from anywhere: no script, no font, no image. Every value is escaped. */
export function reportHtml(report: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Conversion report, platform ${escaped(report.target.platform)}</title>
<style>${STYLE}</style>
</head>
<body><main>
${head(report)}
${accuracy(report)}
${sizes(report)}
${calibration(report)}
${quantization(report)}
${platform(report)}
${remarks(report)}
${measurements(report)}
</main></body></html>
`;
}

function head({ accuracy: { verdict, outputs }, target, model, driver }: Report): string {
  const finite = outputs.map((output) => output.snrDb).filter((snr) => snr !== null);
  const worst =
    finite.length > 0
      ? decibels(Math.min(...finite))
      : decibels(
          null,
          outputs.every(({ exact }) => exact),
        );
  return `<h1>Conversion report</h1>
<p class="verdict ${escaped(verdict)}"><strong>${escaped(verdict)}</strong> lowest output SNR ${worst}</p>
<p class="notice">${escaped(NOTICE)}</p>
${facts([
  ['Platform (advisory)', target.platform],
  ['Model id and version', `${target.id} / ${target.version}`],
  ['Source SHA-256', model.sha256],
  ['Opset, producer', `${model.opset}, ${model.producer || 'unknown'}`],
  ['Nodes, parameters, MACs', [model.nodes, model.params, model.macs].map(grouped).join(', ')],
  ['Inputs', model.inputs.map(portText).join('; ')],
  ['Outputs', model.outputs.map(portText).join('; ')],
  ['Driver', `${driver.id} ${driver.version}`],
])}`;
}

function accuracy({ accuracy: found }: Report): string {
  const outputs = found.outputs.map((output) => [
    output.name,
    decibels(output.snrDb, output.exact),
    figure(output.cosine, 5),
    figure(output.rmse, 6),
    figure(output.maxAbs, 6),
    output.deadChannels,
    output.top1Agreement === undefined ? '' : `${(output.top1Agreement * 100).toFixed(1)} %`,
  ]);
  const layers = found.worstLayers.map((layer) => [
    layer.name,
    layer.op,
    decibels(layer.snrDb),
    figure(layer.cosine, 5),
  ]);
  return `<h2>Accuracy</h2>
<p>Quantised against float on ${found.images} images, ${found.heldOut ? 'held out of calibration' : 'not held out of calibration'};
measured in simulation, so that the figures do not depend on this CPU.</p>
${snrChart(found)}
${table(['Output', 'SNR', 'Cosine', 'RMSE', 'Largest error', 'Dead channels', 'Top-1 agreement'], outputs)}
<h3>Worst layers</h3>
${table(['Tensor', 'Operator', 'SNR', 'Cosine'], layers)}`;
}

function sizes({ size }: Report): string {
  return `<h2>Size</h2>
${table(
  ['Model', 'Bytes'],
  [
    ['original', grouped(size.original)],
    ['optimised (float)', grouped(size.optimized)],
    ['int8', grouped(size.int8)],
  ],
)}<p>Optimised / int8: ${escaped(size.ratio)}</p>`;
}

function calibration({ calibration: found }: Report): string {
  return `<h2>Calibration</h2>
${facts([
  ['Images', `${found.images}${found.synthetic ? ' (synthetic)' : ''}`],
  ['Method', found.method],
  ['Options', JSON.stringify(found.options)],
])}<h3>Rejected images</h3>${table(
    ['Image', 'Reason'],
    found.rejected.map((image) => [image.index, image.reason]),
  )}`;
}

function quantization({ quantization: found }: Report): string {
  const names = [...new Set([...Object.keys(found.nodesQuantized), ...Object.keys(found.nodesFloat)])].sort();
  return `<h2>Quantisation</h2>
<p>${found.tensors} activations, ${found.weights} weights, ${found.biases} biases.</p>
${table(
  ['Operator', 'Nodes in int8', 'Nodes in float'],
  names.map((name) => [name, found.nodesQuantized[name] ?? 0, found.nodesFloat[name] ?? 0]),
)}`;
}

function platform({ preflight: { platformOps } }: Report): string {
  return `<h2>Operators on the platform</h2>
<p>Advisory, from the vendor's table ${escaped(platformOps.docVersion)}; the vendor toolchain decides.</p>
${table(
  ['Operator', 'Nodes', 'Table'],
  platformOps.list.map((row) => [row.op, row.nodes, row.support === 'cpu' ? 'not marked for the NPU' : 'unknown']),
)}`;
}

function remarks({ preflight, warnings }: Report): string {
  const all = [...preflight.issues.filter((issue) => issue.severity !== 'warning'), ...warnings];
  return `<h2>Remarks</h2>
${table(
  ['Severity', 'Code', 'What', 'Hint'],
  all.map((issue) => [issue.severity, issue.code, issue.message, issue.hint ?? '']),
)}`;
}

function measurements({ performance, timings, environment }: Report): string {
  const { hostCpu } = performance;
  const rows = Object.entries(timings).map(([stage, ms]): [string, string] => [stage, `${grouped(ms)} ms`]);
  if (rows.length === 0) return '';
  const host: [string, string][] = hostCpu
    ? [['One run, float / int8', `${figure(hostCpu.floatMs, 2)} / ${figure(hostCpu.int8Ms, 2)} ms (${hostCpu.note})`]]
    : [];
  return `<h2>This run</h2>${facts([...rows, ...host, ['Environment', Object.values(environment).join(', ')]])}`;
}

function facts(rows: [string, string][]): string {
  return `<dl>${rows.map(([term, value]) => `<dt>${escaped(term)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`;
}

function table(columns: string[], rows: (string | number)[][]): string {
  if (rows.length === 0) return '<p>None.</p>';
  const head = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(String(cell))}</td>`).join('')}</tr>`);
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

function portText({ name, shape, type }: { name: string; shape: number[]; type: string }): string {
  return `${name} ${type} ${shape.join('x')}`;
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

function figure(value: number | null, digits: number): string {
  return value === null ? 'none' : value.toFixed(digits);
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#d8dee6;--page:#fff;--good:#1a7f4b;--review:#9a6700;--poor:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9f0;--soft:#9aa7b7;--line:#333d4a;--page:#12171d;--good:#4cc38a;--review:#e0a941;--poor:#ff8a7a}}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.6rem;margin:0 0 1rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem}
.verdict{font-size:1.1rem;border-left:4px solid;padding-left:.75rem}
.good{color:var(--good)}.review{color:var(--review)}.poor,.collapsed{color:var(--poor)}
.notice{color:var(--soft)}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
svg{width:100%;height:auto;margin:.5rem 0}svg text{fill:var(--ink);font:12px system-ui,sans-serif;stroke:var(--page);stroke-width:4px;paint-order:stroke}
svg .axis{stroke:var(--line)}svg .line{stroke:var(--soft);stroke-dasharray:4 3}
svg rect.good{fill:var(--good)}svg rect.review{fill:var(--review)}svg rect.poor{fill:var(--poor)}
`;
