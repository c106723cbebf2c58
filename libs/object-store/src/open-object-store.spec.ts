import { openObjectStore } from './index.js';

describe('openObjectStore', () => {
  it.each([
    'data/objects',
    'file:data/objects',
    'file:///',
    'file:///data?x=1',
    'https://bucket/prefix',
    's3://',
    's3://bucket?endpoint=ftp://store',
    's3://bucket?forcePathStyle=maybe',
    's3://bucket?sse=yes',
    's3://key:secret@bucket',
  ])('rejects %s with OBJECT_STORE.URL_INVALID, not repeating it', async (url) => {
    const error: unknown = await openObjectStore(url).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'OBJECT_STORE.URL_INVALID' });
    expect((error as Error).message).not.toMatch(/bucket\b.*prefix|secret|data\//);
  });
});
