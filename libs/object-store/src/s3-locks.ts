import type { HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';

import type { Lock } from './retention.js';
import type { S3Sdk } from './s3-upload.js';

export const LOCK_MODES = { governance: 'GOVERNANCE', compliance: 'COMPLIANCE' } as const;

interface S3 {
  sdk: S3Sdk;
  client: S3Client;
}

type Told = Pick<HeadObjectCommandOutput, 'ObjectLockMode' | 'ObjectLockRetainUntilDate' | 'ObjectLockLegalHoldStatus'>;

/** The lock as it is told with the object. */
export function lockIn(found: Told): Lock {
  const retainUntil = found.ObjectLockRetainUntilDate;
  const lockMode = found.ObjectLockMode === 'GOVERNANCE' ? 'governance' : 'compliance';
  return { ...(retainUntil && { retainUntil, lockMode }), legalHold: found.ObjectLockLegalHoldStatus === 'ON' };
}

export function lockInput(lock: Lock | undefined) {
  return {
    ...(lock?.retainUntil && {
      ObjectLockMode: LOCK_MODES[lock.lockMode ?? 'compliance'],
      ObjectLockRetainUntilDate: lock.retainUntil,
    }),
    ...(lock?.legalHold && ({ ObjectLockLegalHoldStatus: 'ON' } as const)),
  };
}

/** Asked for by itself: versitygw tells the lock of the newest version alone with the object. */
export async function lockOfVersion(
  { sdk, client }: S3,
  version: { Bucket: string; Key: string; VersionId?: string | undefined },
  abortSignal: AbortSignal | undefined,
): Promise<Lock> {
  const [retention, hold] = await Promise.all([
    client.send(new sdk.GetObjectRetentionCommand(version), { abortSignal }).catch(noneOrThrow),
    client.send(new sdk.GetObjectLegalHoldCommand(version), { abortSignal }).catch(noneOrThrow),
  ]);
  const { Mode, RetainUntilDate } = retention?.Retention ?? {};
  return lockIn({
    ObjectLockMode: Mode,
    ObjectLockRetainUntilDate: RetainUntilDate,
    ObjectLockLegalHoldStatus: hold?.LegalHold?.Status,
  });
}

export async function hasObjectLock({ sdk, client, bucket: Bucket }: S3 & { bucket: string }): Promise<boolean> {
  try {
    const answer = await client.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }));
    return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
  } catch (error) {
    if ((error as Error).name === 'ObjectLockConfigurationNotFoundError') return false;
    throw error;
  }
}

function noneOrThrow(error: unknown): undefined {
  if ((error as Error).name === 'NoSuchObjectLockConfiguration') return undefined;
  throw error;
}
