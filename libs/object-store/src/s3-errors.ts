import { aborted } from './measured-body.js';
import { notFound, ObjectStoreError } from './object-store.errors.js';

/** Some gateways give these another status than S3's 403. */
const CREDENTIAL_FAULTS = [
  'InvalidAccessKeyId',
  'XAdminUserNotFound',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
];

/** What the SDK threw, as ours: the provider's message stays in `cause`, which is for debuggers and not for answers. */
export function s3Error(cause: unknown, key: string, signal: AbortSignal | undefined): ObjectStoreError {
  if (cause instanceof ObjectStoreError) return cause;
  if (signal?.aborted) return aborted(cause);
  const { name, status } = answerIn(cause);
  if (name === 'TimeoutError') return new ObjectStoreError('OBJECT_STORE.TIMEOUT', `no answer about ${key}`, { cause });
  if (name === 'NoSuchBucket') {
    return new ObjectStoreError('OBJECT_STORE.BUCKET_NOT_FOUND', 'the configured bucket does not exist', { cause });
  }
  if (CREDENTIAL_FAULTS.includes(name) || status === 401 || status === 403) {
    return new ObjectStoreError('OBJECT_STORE.DENIED', `no right to reach ${key}`, { cause });
  }
  if (status === 404) return notFound(key, cause);
  if (status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status)) {
    return new ObjectStoreError('OBJECT_STORE.REFUSED', `the store refused ${key} with status ${status}`, { cause });
  }
  const found = status === undefined ? 'no answer' : `status ${status}`;
  return new ObjectStoreError('OBJECT_STORE.UNAVAILABLE', `the store failed at ${key}: ${found}`, { cause });
}

/** The status a conditional put meets when there is an object: 412. */
export function isPreconditionFailed(error: unknown): boolean {
  return answerIn(error).status === 412;
}

function answerIn(error: unknown): { name: string; status: number | undefined } {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  return { name: name ?? '', status: $metadata?.httpStatusCode };
}
