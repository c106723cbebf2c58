const HOUR_MS = 3_600_000;
const THINNED_AFTER_MS = 7 * 24 * HOUR_MS;

/** Hours since 1970. The first checkpoint of each is kept for ever. */
export const hourOf = (time: Date): number => Math.floor(time.getTime() / HOUR_MS);

/** From when on a checkpoint that nothing keeps may go. */
export const thinAfter = (signedAt: Date): Date => new Date(signedAt.getTime() + THINNED_AFTER_MS);
