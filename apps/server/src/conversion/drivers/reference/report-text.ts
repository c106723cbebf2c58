/** Text for element content and quoted attributes. */
export function escaped(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

export function decibels(snrDb: number | null, exact = false): string {
  if (snrDb === null) return exact ? 'exact' : 'none';
  return `${snrDb.toFixed(1)} dB`;
}
