// Integration and system tests start real processes and engines; nothing here asserts a time.
jest.setTimeout(120_000);
