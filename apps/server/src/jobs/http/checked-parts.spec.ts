import 'reflect-metadata';
import type { UploadPart } from '../upload.types.js';
import { checkedParts } from './checked-parts.js';

const field = (name: string, value: string): UploadPart => ({ kind: 'field', name, value });
const model: UploadPart = { kind: 'file', name: 'model', file_name: 'a.onnx', body: (async function* () {})() };

/** What was let through of `given`, and how it ended. */
async function through(given: UploadPart[]) {
  const seen: string[] = [];
  let closed = false;
  async function* source() {
    try {
      yield* given;
    } finally {
      closed = true;
    }
  }
  const all = async () => {
    for await (const { name } of checkedParts(source())) seen.push(name);
  };
  const error: unknown = await all().catch((thrown: unknown) => thrown);
  return { seen, error, closed };
}

describe('checkedParts', () => {
  it.each([
    ['a value that is not one of the list', field('platform', '999'), '/platform'],
    ['a field that nobody knows', field('colour', 'red'), '/colour'],
    ['text that is not JSON', field('preprocess', '{'), '/preprocess'],
  ])('refuses %s before the file is taken, and closes the source', async (_what, wrong, pointer) => {
    const { seen, error, closed } = await through([field('user_id', 'u'), wrong, model]);
    expect(error).toMatchObject({ details: [{ pointer }] });
    expect(seen).toEqual(['user_id', wrong.name]);
    expect(closed).toBe(true);
  });

  it('waits for fields that may still come, and leaves those behind the file to the whole', async () => {
    const { seen, error } = await through([
      field('platform', '520'),
      model,
      field('user_id', 'u'),
      field('colour', 'red'),
    ]);
    expect(error).toBeUndefined();
    expect(seen).toEqual(['platform', 'model', 'user_id', 'colour']);
  });

  it('lets a file that comes first through', async () => {
    const { seen } = await through([model, field('platform', '520')]);
    expect(seen).toEqual(['model', 'platform']);
  });
});
