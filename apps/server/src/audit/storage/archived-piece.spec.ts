import fc from 'fast-check';
import type { StoredEntry } from '#libs/ledger';
import { bothTiers } from './archived-piece.js';

const entryAt = (seq: number): StoredEntry => ({ seq, bytes: Uint8Array.of(seq) }) as unknown as StoredEntry;

async function* hotOf(documents: readonly object[]): AsyncGenerator<object> {
  yield* documents;
}

async function given(archived: StoredEntry[], hot: readonly object[], isRight = false): Promise<object[]> {
  const all: object[] = [];
  for await (const document of bothTiers(archived, hotOf(hot), () => isRight)) all.push(document);
  return all;
}

describe('bothTiers', () => {
  const archived = Array.from({ length: 8 }, (_, i) => entryAt(i + 10));

  it('gives each entry once, whichever of them hot storage has too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(archived), async (hot) => {
        expect(
          await given(
            archived,
            hot.map((entry) => ({ ...entry })),
          ),
        ).toEqual(archived);
      }),
    );
  });

  it('gives hot storage’s where they differ, or both when the archived one is right', async () => {
    const other = { ...entryAt(12), bytes: Uint8Array.of(99) };
    const [a, b, c, ...rest] = archived;
    expect(await given(archived, [other])).toEqual([a, b, other, ...rest]);
    expect(await given(archived, [other], true)).toEqual([a, b, c, other, ...rest]);
    const more = { ...entryAt(12), kind: 'x' };
    expect(await given(archived, [more])).toEqual([a, b, more, ...rest]);
  });

  it('gives what claims a seq twice, or none, where it stands', async () => {
    const odd = { seq: 12.5 };
    const [a, b, c, d, ...rest] = archived;
    expect(await given(archived, [{ ...c! }, { ...c! }, odd, { ...d! }])).toEqual([a, b, c, c, odd, d, ...rest]);
  });
});
