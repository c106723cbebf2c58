/** Controls, bidirectional overrides, zero-width characters, lone surrogates, and what file systems refuse. */
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}<>:"/\\|?*]/gu;

/** Names that Windows keeps for devices, with or without an extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

const MAX_BYTES = 120;

/** What can still be a file's name on any system: one segment, NFC, at most 120 bytes of UTF-8; `fallback` if empty. */
export function safeFileName(raw: string, fallback: string): string {
  const lastSegment = raw.slice(Math.max(raw.lastIndexOf('/'), raw.lastIndexOf('\\')) + 1);
  const cleaned = trimmed(lastSegment.replace(FORBIDDEN, '').normalize('NFC').replace(/\s+/gu, ' '));
  const name = trimmed(cut(cleaned, MAX_BYTES));
  if (name === '') return fallback;
  return DEVICE.test(name) ? `_${name}` : name;
}

/** The name without its last extension, `model` for nothing. */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return (dot > 0 ? name.slice(0, dot) : name) || 'model';
}

/** `<model stem>_kl<platform>.nef`, `.kref.zip` for a reference package, which is never called a NEF. */
export function resultFileName(modelName: string, platform: string, kind: string): string {
  const suffix = `_kl${platform}${kind === 'nef' ? '.nef' : '.kref.zip'}`;
  const stem = stemOf(safeFileName(modelName, 'model'));
  return `${trimmed(cut(stem, MAX_BYTES - suffix.length)) || 'model'}${suffix}`;
}

/** No dots or spaces at the ends: hidden files and what Windows drops. */
function trimmed(name: string): string {
  return name.replace(/^[\s.]+|[\s.]+$/gu, '');
}

/** Whole characters only, keeping a short extension. */
function cut(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name;
  const extension = /\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0] ?? '';
  let stem = '';
  for (const character of name.slice(0, name.length - extension.length)) {
    if (Buffer.byteLength(stem) + Buffer.byteLength(character) + extension.length > maxBytes) break;
    stem += character;
  }
  return stem + extension;
}
