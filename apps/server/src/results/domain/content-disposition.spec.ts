import fc from 'fast-check';
import { contentDisposition } from './content-disposition.js';

/** A reader after RFC 6266 §4.1, written from the grammar and not from the writer. */
const GRAMMAR =
  /^attachment; filename="((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*)"; filename\*=UTF-8''((?:[A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-F]{2})*)$/;

describe('contentDisposition', () => {
  it.each([
    ['net_kl520.nef', `attachment; filename="net_kl520.nef"; filename*=UTF-8''net_kl520.nef`],
    ['a "b".nef', `attachment; filename="a \\"b\\".nef"; filename*=UTF-8''a%20%22b%22.nef`],
    ['é(1)%41.nef', `attachment; filename="_(1)_41.nef"; filename*=UTF-8''%C3%A9%281%29%2541.nef`],
  ])('writes %j', (name, header) => {
    expect(contentDisposition(name)).toBe(header);
  });

  it('is a header that reads back as the name, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const [, , extended] = GRAMMAR.exec(contentDisposition(name)) ?? [];
        expect(decodeURIComponent(extended!)).toBe(name.replace(/\p{Cc}/gu, ''));
      }),
    );
  });

  it('never breaks out of its quotes or its line', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('"', '\\', '\r', '\n', ';', '=', "'", '\ud800', '*', 'a', '😀'),
    });
    fc.assert(
      fc.property(hostile, (name) => {
        expect(contentDisposition(name)).toMatch(GRAMMAR);
      }),
    );
  });
});
