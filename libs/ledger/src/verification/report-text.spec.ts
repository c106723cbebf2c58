import { reportText } from '../index.js';
import { at, eventOf, overwrite, testLedger, verified } from './hostile-ledger.fixture.js';
import { flipAt, changed, eventBytes, tlogOf, verifiedTlog } from './tlog.fixture.js';

describe('reportText', () => {
  it('says tier, keys, ranges, counts, checkpoint and key of a clean ledger, and claims no more', () => {
    const text = reportText(verified(testLedger(5, [3, 5])));
    for (const part of [
      'consistent (keys pinned)',
      'example.org/ledger/acme',
      'seq 0 to 4',
      '5 of 5 verified',
      '2 of 2 match',
      'anchors      none',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toMatch(/proof|secure|immutable/);
    expect(text.endsWith('\n')).toBe(true);
  });

  it('says of a break its class, place, event, field, both hashes, neighbours and what it proves', () => {
    const ledger = testLedger(5, [5]);
    overwrite(at(ledger, 2), eventOf(77), false);
    const report = verified(ledger);
    const [found] = report.breaks;
    const text = reportText(report);
    expect(text).toMatch(/^broken /m);
    expect(text).toContain('- edited at seq 2 (event ');
    expect(text).toContain('field bytes');
    expect(text).toContain(`stored      ${found?.stored}`);
    expect(text).toContain(`recomputed  ${found?.recomputed}`);
    expect(text).toContain('last good seq before: 1; first good seq after: 3');
    expect(text).toContain('proven: a signature');
  });

  it('says where a ledger was reopened, what was never proven and what is lost', () => {
    const reopened = { incarnation: 2, origin: 'example.org/ledger/acme/2', from_seq: 4, good_size: 3 };
    const report = verified(testLedger(5, [5]));
    const whole = { ...reopened, unproven: null, lost: null };
    expect(reportText({ ...report, incarnations: [whole] })).toMatch(
      /reopened {5}incarnation 2 from seq 4 as example.org\/ledger\/acme\/2, good up to size 3\n/,
    );
    const gaps = { ...reopened, unproven: { from: 3, to: 3 }, lost: { from: 4, to: 8 } };
    expect(reportText({ ...report, incarnations: [gaps] })).toContain(
      '; seq 3 to 3 was never proven; seq 4 to 8 of the one before is lost',
    );
  });

  it('says where a break lies between, what is unsealed and what form faults there are', async () => {
    expect(reportText(verified(testLedger(6, [4])))).toContain('unsealed     seq 4 to 5');
    const files = tlogOf([eventBytes(0), Uint8Array.of(1)]);
    const text = reportText(await verifiedTlog(files));
    expect(text).toContain('1 entries hold bytes that are no canonical event');
    const forged = tlogOf([eventBytes(0), eventBytes(2)]);
    forged.set('checkpoint', tlogOf([eventBytes(0), eventBytes(1)]).get('checkpoint') as Uint8Array);
    expect(reportText(await verifiedTlog(forged))).toContain('- edited somewhere from seq 0 to 1');
    const cut = { ...(await verifiedTlog(changed(files, 'tile/0/000.p/2', flipAt(0)))), breaks_total: 9 };
    expect(reportText(cut)).toContain('and 8 breaks more');
  });
});
