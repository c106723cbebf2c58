/** What logs and the health answer call this program. */
export const SERVICE = { name: 'assay', version: '0.1.0' } as const;
