import { derivedId, isUuidv7, uuidv7, uuidv7Time } from './index.js';

describe('uuidv7', () => {
  it('carries the time it was given', () => {
    const id = uuidv7(1_763_716_800_123);
    expect(isUuidv7(id)).toBe(true);
    expect(uuidv7Time(id)).toBe(1_763_716_800_123);
  });

  it('differs from call to call', () => {
    expect(uuidv7(1)).not.toBe(uuidv7(1));
  });
});

describe('derivedId', () => {
  const source = uuidv7(1_763_716_800_123);

  it('is the same for the same source and name, and a UUIDv7 of the same time', () => {
    expect(derivedId(source, 'create-task')).toBe(derivedId(source, 'create-task'));
    expect(isUuidv7(derivedId(source, 'create-task'))).toBe(true);
    expect(uuidv7Time(derivedId(source, 'create-task'))).toBe(uuidv7Time(source));
  });

  it('differs by name and by source', () => {
    expect(derivedId(source, 'a')).not.toBe(derivedId(source, 'b'));
    expect(derivedId(uuidv7(), 'a')).not.toBe(derivedId(source, 'a'));
  });
});
