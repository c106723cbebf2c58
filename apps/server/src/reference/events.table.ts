import type { EventKind, FieldForm, ScalarForm, ValueForm } from '#libs/ledger';
import { kindsByRoom } from '../event-kinds.js';

/** The reference page of the event kinds, in Markdown, made from the declarations at the rooms' doors. */
export function eventsTable(): string {
  return [
    '# Events',
    '',
    'Every kind an event can be, by the room that declares it; nothing else can be recorded. The number is the version of `data` (`meta.schema`), `?` marks a field that may be absent. The forms are those of [the ledger](../design/ledger.md); a `count` is an integer from 0, a `person` stands in the ledger as a pseudonym.',
    'This page is written by `npm run docs`; a test holds it to the code.',
    '',
    ...Object.entries(kindsByRoom).flatMap(([room, kinds]) => [
      `## ${room}`,
      '',
      '| kind | schema | data |',
      '| --- | --- | --- |',
      ...kinds.map(line),
      '',
    ]),
  ].join('\n');
}

function line({ kind, schema, data }: EventKind): string {
  const fields = Object.entries(data).map(([name, form]) => `\`${name}\`${shownField(form)}`);
  return `| \`${kind}\` | ${schema} | ${fields.length > 0 ? fields.join(', ') : '—'} |`;
}

function shownField(form: FieldForm): string {
  if (typeof form === 'object' && 'optional' in form) return `?: ${shownValue(form.optional)}`;
  return `: ${shownValue(form)}`;
}

function shownValue(form: ValueForm): string {
  return typeof form === 'object' && 'list' in form ? `list of ${shownScalar(form.list)}` : shownScalar(form);
}

function shownScalar(form: ScalarForm): string {
  return typeof form === 'object' ? form.oneOf.map((code) => `\`${code}\``).join(' or ') : form;
}
