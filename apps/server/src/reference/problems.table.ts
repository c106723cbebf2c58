import { statusOf } from '../http/status-of.js';

/** The reference page of the problem codes, in Markdown, made from the one table of the edge. */
export function problemsTable(): string {
  const causes = new Map<string, string[]>();
  for (const [cause, { status, code, title, retryable }] of Object.entries(statusOf)) {
    const row = `| \`${code}\` | ${status} | ${title} | ${retryable ? 'yes' : 'no'} |`;
    causes.set(row, [...(causes.get(row) ?? []), `\`${cause}\``]);
  }
  return [
    '# Problems',
    '',
    'Every error leaves as `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`, `code`, `request_id` and `retryable`; faults of the input have `errors`, a list of `{pointer, code, detail}`. From 500 on `detail` is the title and says nothing of the cause. `retryable`: the same request may succeed later without a change; where it can be told when, `retry_after_ms` and the header `Retry-After` say so.',
    'This page is written by `npm run docs`; a test holds it to the code.',
    '',
    '| code | status | title | retryable | causes inside |',
    '| --- | --- | --- | --- | --- |',
    ...[...causes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([row, inside]) => `${row} ${inside.join(', ')} |`),
    '',
  ].join('\n');
}
