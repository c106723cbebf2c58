import { Cursors } from './cursors.js';

const nothing = { next: () => ({ documents: [], done: true }) };

describe('Cursors', () => {
  it('forgets a cursor ten minutes after its last use, and answers 43 from then on', () => {
    let now = 0;
    const cursors = new Cursors(() => now);
    const id = cursors.add('d.c', nothing);
    now = 599_999;
    cursors.get(id, 'd.c');
    now += 599_999;
    cursors.expire();
    expect(cursors.get(id, 'd.c')).toBe(nothing);
    now += 600_000;
    cursors.expire();
    expect(cursors.size).toBe(0);
    expect(() => cursors.get(id, 'd.c')).toThrow(expect.objectContaining({ code: 43 }));
  });

  it('gives a cursor only to its own collection', () => {
    const cursors = new Cursors();
    const id = cursors.add('d.c', nothing);
    expect(() => cursors.get(id, 'd.other')).toThrow(expect.objectContaining({ code: 43 }));
  });
});
