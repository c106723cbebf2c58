import { fileURLToPath } from 'node:url';

import { FileObjectStore } from './file-object-store.js';
import { ObjectStoreError } from './object-store.errors.js';
import type { ObjectStore } from './object-store.types.js';
import { S3ObjectStore } from './s3-object-store.js';

export interface OpenOptions {
  /** For `s3:`; absent, the SDK's own chain: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, profiles, roles. */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** For `s3:`: how long a connection may be silent before it is given up, in milliseconds (default 30,000). */
  timeoutMs?: number;
}

const S3_SETTINGS = ['endpoint', 'region', 'forcePathStyle'];

/**
 * Opens the store a URL names, and reaches it: `file:///folder` or
 * `s3://bucket/prefix?endpoint=https://…&region=…&forcePathStyle=true|false` (region us-east-1, path style true unless
 * said). Rejects with OBJECT_STORE.URL_INVALID, BUCKET_NOT_FOUND, DENIED, TIMEOUT or UNAVAILABLE; the URL is in no
 * message.
 */
export async function openObjectStore(url: string, options: OpenOptions = {}): Promise<ObjectStore> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === 'file:') return FileObjectStore.open(folderOf(url, parsed));
  if (parsed?.protocol === 's3:') return openS3(parsed, options);
  throw invalid('expected an absolute file: or s3: URL');
}

function folderOf(url: string, parsed: URL): string {
  const absolute = url.startsWith('file:///') && parsed.search === '' && parsed.hash === '';
  if (!absolute || parsed.pathname === '/') throw invalid('expected file:/// and an absolute folder');
  return fileURLToPath(parsed).replace(/\/+$/, '');
}

async function openS3(url: URL, options: OpenOptions): Promise<ObjectStore> {
  for (const name of url.searchParams.keys()) {
    if (!S3_SETTINGS.includes(name)) throw invalid(`expected only ${S3_SETTINGS.join(', ')}, found ${name}`);
  }
  if (url.username || url.password) throw invalid('expected credentials in the environment, found some in the URL');
  const pathStyle = url.searchParams.get('forcePathStyle') ?? 'true';
  if (pathStyle !== 'true' && pathStyle !== 'false') throw invalid('expected forcePathStyle to be true or false');
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw invalid('expected the endpoint to be an http: or https: URL');
  }
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  if (!url.hostname) throw invalid('expected a bucket');

  // The SDK warns about Node 20 on standard error of every program that loads it.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const sdk = await import('@aws-sdk/client-s3');
  const timeout = options.timeoutMs ?? 30_000;
  const client = new sdk.S3Client({
    region: url.searchParams.get('region') ?? 'us-east-1',
    forcePathStyle: pathStyle === 'true',
    ...(endpoint && { endpoint }),
    ...(options.credentials && { credentials: options.credentials }),
    requestChecksumCalculation: 'WHEN_REQUIRED', // we send SHA-256 ourselves,
    responseChecksumValidation: 'WHEN_REQUIRED', // and check it over the whole object when it is read
    requestHandler: {
      connectionTimeout: Math.min(timeout, 5_000),
      requestTimeout: timeout,
      throwOnRequestTimeout: true,
      socketTimeout: timeout,
    },
  });
  return S3ObjectStore.open({ sdk, client, bucket: url.hostname, prefix: prefix && `${prefix}/` });
}

function invalid(message: string): ObjectStoreError {
  return new ObjectStoreError('OBJECT_STORE.URL_INVALID', `bad object store URL: ${message}`);
}
