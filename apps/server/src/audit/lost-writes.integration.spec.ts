import { wireCommand, WireProxy } from '#libs/testing';
import { startRoom, TENANT } from './audit-room.fixture.js';

describe('when the write of a subject key was kept and reported failed', () => {
  it('the person keeps that one pseudonym', async () => {
    const engine = await startRoom();
    const proxy = await WireProxy.before(engine.store.uri);
    const room = await startRoom({ dataDir: engine.dataDir, uri: proxy.uri });
    try {
      proxy.failNext((message) => isInsertOf(message, 'subject_keys'), 'kept');
      await room.recordPerson('Ada').catch(() => undefined); // a driver may have tried again by itself
      await room.recordPerson('Ada');
      expect(proxy.struck).toBe(1);
      expect(await engine.store.collection('subject_keys').countDocuments({ tenant: TENANT })).toBe(1);
    } finally {
      await room.close();
      await proxy.close();
      await engine.remove();
    }
  });
});

function isInsertOf(message: Buffer, collection: string): boolean {
  const order = wireCommand(message);
  return order?.name === 'insert' && order.collection === collection;
}
