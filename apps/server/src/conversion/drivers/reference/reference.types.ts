export const REFERENCE_DRIVER = { id: 'reference', version: '1.0.0' } as const;
