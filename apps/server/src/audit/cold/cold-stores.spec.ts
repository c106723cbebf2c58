import type { ObjectStore } from '#libs/object-store';
import { ColdStores } from './cold-stores.js';

const place = { url: 's3://nowhere', credentials: undefined, setting: 'AUDIT_COLD_URL' };
const settings = { sse: 'off', lock: 'off', retainDays: 0 } as const;
const sha256 = 'a'.repeat(64);
const batch = {
  ...{ jsonlKey: 'lines', manifestKey: 'manifest', storedSha256: sha256, manifestSha256: sha256 },
  versionIds: { jsonl: 'v1', manifest: 'v2' },
};

/** A store that holds, or one without Object Lock: that rejects. */
function storeThat(retention: boolean) {
  const hold = jest.fn(() => (retention ? Promise.resolve() : Promise.reject(new Error('no Object Lock'))));
  return { hold, store: { retention, hold } as Partial<ObjectStore> as ObjectStore };
}

describe('a hold on a batch', () => {
  it.each([
    ['the copy', true, false],
    ['the primary', false, true],
  ])('is placed wherever it can be: not in %s', async (_where, inPrimary, inCopy) => {
    const [primary, copy] = [storeThat(inPrimary), storeThat(inCopy)];
    const cold = new ColdStores({ primary: place, copy: place }, settings, { warn: () => undefined });
    jest.spyOn(cold, 'primary').mockResolvedValue(primary.store);
    jest.spyOn(cold, 'copy').mockResolvedValue(copy.store);
    await cold.hold(batch, true);
    const [holding, other] = inPrimary ? [primary, copy] : [copy, primary];
    expect(holding.hold).toHaveBeenCalledWith('lines', true, expect.anything());
    expect(holding.hold).toHaveBeenCalledWith('manifest', true, expect.anything());
    expect(other.hold).not.toHaveBeenCalled();
  });
});
