import { decibels, escaped } from './report-text.js';
import type { Report } from './conversion-report.js';

const WIDTH = 760;
const LABEL = 240;
const VALUE = 70;
const ROW = 22;
const TOP = 24;
/** The right end of the scale, in dB, when no bar is longer. */
const LEAST_SCALE = 40;
/** The lines between poor, review and good, in dB; 20 is the vendor's. */
const LINES = [10, 20];

/** The SNR of every output and of the worst layers as bars, with the lines the verdict goes by. */
export function snrChart({ outputs, worstLayers }: Report['accuracy']): string {
  const rows = [
    ...outputs.map(({ name, snrDb, exact }) => ({ name: `output ${name}`, snrDb, exact })),
    ...worstLayers.map(({ name, snrDb }) => ({ name, snrDb, exact: false })),
  ];
  const scale = Math.max(LEAST_SCALE, ...rows.map((row) => row.snrDb ?? 0));
  const x = (db: number) => LABEL + (Math.max(0, Math.min(db, scale)) / scale) * (WIDTH - LABEL - VALUE);
  const height = TOP + rows.length * ROW + 8;
  const lines = LINES.map(
    (db) =>
      `<line class="line" x1="${px(x(db))}" x2="${px(x(db))}" y1="${TOP - 6}" y2="${height}"/>` +
      `<text x="${px(x(db))}" y="12" text-anchor="middle">${db} dB</text>`,
  );
  const bars = rows.map(({ name, snrDb, exact }, index) => {
    const y = TOP + index * ROW;
    const end = exact ? x(scale) : x(snrDb ?? 0);
    return (
      `<text x="${LABEL - 8}" y="${y + 14}" text-anchor="end">${escaped(shortened(name))}</text>` +
      `<rect class="${levelOf(snrDb, exact)}" x="${LABEL}" y="${y + 3}" width="${px(end - LABEL)}" height="${ROW - 8}"/>` +
      `<text x="${px(end + 6)}" y="${y + 14}">${decibels(snrDb, exact)}</text>`
    );
  });
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Signal to noise by output and by worst layer">
<line class="axis" x1="${LABEL}" x2="${LABEL}" y1="${TOP - 6}" y2="${height}"/>${lines.join('')}${bars.join('')}</svg>`;
}

function levelOf(snrDb: number | null, exact: boolean): 'good' | 'review' | 'poor' {
  if (exact || (snrDb !== null && snrDb >= 20)) return 'good';
  return snrDb !== null && snrDb >= 10 ? 'review' : 'poor';
}

function shortened(name: string): string {
  return name.length > 34 ? `…${name.slice(-33)}` : name;
}

function px(value: number): string {
  return value.toFixed(1);
}
