import type { MongoStore } from '#libs/mongo';
import { SubjectKeys } from './subject-keys.store.js';

describe('SubjectKeys.existing', () => {
  it('asks for any number of pseudonyms in questions that fit into a message', async () => {
    const all = Array.from({ length: 2_500 }, (_, i) => i.toString(16).padStart(64, '0'));
    const questions: string[][] = [];
    const find = ({ pseudonym }: { pseudonym: { $in: string[] } }) => {
      questions.push(pseudonym.$in);
      return pseudonym.$in
        .filter((one) => one.endsWith('0'))
        .map((one) => ({ pseudonym: one, created_at: new Date(0) }));
    };
    const keys = new SubjectKeys({ collection: () => ({ find }) } as unknown as MongoStore);
    const found = await keys.existing('acme', all);
    expect([...found.keys()]).toEqual(all.filter((one) => one.endsWith('0')));
    expect(questions.flat()).toEqual(all);
    expect(Math.max(...questions.map(({ length }) => length))).toBeLessThanOrEqual(1_000);
  });
});
