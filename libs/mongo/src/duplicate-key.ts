import mongoose from 'mongoose';

const DUPLICATE_KEY = 11000;

/**
 * True when a unique index refused a write of one document; with `field`, only when that field is in the index. (For
 * bulk writes the driver never tells which index it was.)
 */
export function isDuplicateKey(error: unknown, field?: string): boolean {
  if (!(error instanceof mongoose.mongo.MongoServerError) || error.code !== DUPLICATE_KEY) return false;
  const pattern = error['keyPattern'] as Record<string, unknown> | undefined;
  return field === undefined || (pattern !== undefined && field in pattern);
}
