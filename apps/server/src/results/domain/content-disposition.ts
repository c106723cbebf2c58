/**
 * The header for a file to be saved under this name (RFC 6266): a quoted ASCII form for old programs, and the exact
 * name in RFC 8187 form, which every current one prefers.
 */
export function contentDisposition(fileName: string): string {
  const wellFormed = fileName.replace(/\p{Cs}/gu, '\ufffd').replace(/\p{Cc}/gu, '');
  return `attachment; filename="${asciiForm(wellFormed)}"; filename*=UTF-8''${extValue(wellFormed)}`;
}

/** Quoted-string content (RFC 9110 §5.6.4). A percent sign goes too: some programs decode it here. */
function asciiForm(name: string): string {
  return name.replace(/[^\x20-\x7e]|%/gu, '_').replace(/["\\]/g, '\\$&');
}

/** RFC 8187 §3.2.1: everything but attr-char is percent-encoded. */
function extValue(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
