/**
 * Where an external engine answers otherwise than the MongoDB manual says, by the name of the test. Such a test must
 * fail there: when the engine is mended, the suite says so and the line goes.
 */
export const deviations: ReadonlySet<string> = new Set([]);
