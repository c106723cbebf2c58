const LONGEST_VALUE = 256;
const LONGEST_MESSAGE = 100;
const MOST_FRAMES = 12;
const LONGEST_STACK = 2_000;

/** In this order: what looks like several of them is named by the first. */
const PATTERNS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[secret]'],
  [/\bassay_[A-Za-z0-9-]+_[A-Za-z0-9_-]+/g, '[key]'],
  [/\b(?:Bearer|Basic)\s+[A-Za-z0-9+/=._~-]+/gi, '[credential]'],
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g, '[token]'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '[key]'],
  [/:\/\/[^\s/@]*@/g, '://[credential]@'],
  [
    /\b((?:[a-z0-9]+[-_])*(?:password|passwd|secret|token|api[-_]?key|authorization|signature|cookie))(["']?\s*[:=]\s*)(?!\[secret\])(?:"[^"]*"|'[^']*'|[^\s"',;&)}\]]+)/gi,
    '$1$2[secret]',
  ],
  [/[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/g, '[email]'],
  [/\bfile:\/*[^\s"'()]+/g, '[path]'],
  [/\b[A-Za-z]:\\[^\s"'()]+/g, '[path]'],
  [/\\\\[\w.-]+\\[^\s"'()]+/g, '[path]'],
  // An absolute POSIX path. Not the `//` of a URL, and not a slash within a relative key or a URL's path.
  [/(?<![\w/.\])-])\/(?!\/)[^\s/"'():,;]+(?:\/[^\s"'():,;]*)?/g, '[path]'],
];

/** `text` without secrets, tokens, e-mail addresses and absolute paths, and without `literals`, on one line. */
export function scrubbed(text: string, literals: readonly string[] = [], longest = LONGEST_VALUE): string {
  const oneLine = withoutPatterns(text, literals).replace(/\s*[\r\n]+\s*/g, ' ');
  // eslint-disable-next-line no-control-regex -- a terminal that shows the log must not obey it
  return cut(oneLine.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·'), longest);
}

/** An error's text as `error_message` shows it: the first line, scrubbed, at most 100 characters. */
export function errorMessage(text: string, literals: readonly string[] = []): string {
  // Scrubbed before it is split: a key that spans lines would escape its pattern.
  return scrubbed(withoutPatterns(text, literals).split(/[\r\n]/, 1)[0] ?? '', literals, LONGEST_MESSAGE);
}

/** A stack or another text of several lines as `details.stack` shows it: scrubbed and bounded. */
export function foldedStack(text: string, literals: readonly string[] = []): string {
  const lines = withoutPatterns(withoutFolders(text), literals).split(/[\r\n]+/);
  const shown = lines.slice(0, MOST_FRAMES).map((line) => scrubbed(line.trim(), literals));
  return cut(shown.join('\n'), LONGEST_STACK);
}

/** Frames keep the file's name and line, which are the product's own, and lose the folder, which is the machine's. */
function withoutFolders(stack: string): string {
  return stack.replace(
    /((?:^|\n)\s*at [^\n]*?)(?:file:\/\/)?\/(?:[^\s()]*\/)?([^\s()/]+:\d+:\d+)/g,
    (_all, before: string, file: string) => `${before}${file}`,
  );
}

function withoutPatterns(text: string, literals: readonly string[]): string {
  const bare = literals.reduce((rest, literal) => rest.replaceAll(literal, '[secret]'), text);
  return PATTERNS.reduce((rest, [pattern, name]) => rest.replace(pattern, name), bare);
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
