import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Settings } from '../../settings.js';
import { sharedPlace } from '../anchors/apart.js';
import { AuditError } from '../audit.errors.js';

/** Where archived events lie, or their copy. */
export interface ColdPlace {
  url: string;
  /** Absent: those of the environment. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined;
  /** What the setting is called that an operator changes to mend it. */
  setting: string;
}

export interface ColdPlaces {
  primary: ColdPlace;
  copy: ColdPlace | undefined;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[a-z0-9._=+/-]*)?$/;

/**
 * What the settings say. Rejects with AUDIT.COLD_SETTING_INVALID where they do not go together and with
 * AUDIT.COLD_COPY_NOT_APART, each naming the variable; nothing is asked over the network.
 */
export async function coldPlaces(settings: Pick<Settings, 'audit' | 'dataDir'>): Promise<ColdPlaces> {
  const { cold } = settings.audit;
  const primary: ColdPlace = {
    url: primaryUrl(settings),
    credentials: credentialsOf('AUDIT_COLD', cold.accessKey, cold.secretKey),
    setting: cold.bucket === undefined ? 'AUDIT_COLD_URL' : 'AUDIT_COLD_BUCKET',
  };
  assertStoreUrl(primary);
  if (cold.sse !== 'off' && !isBucket(primary.url)) {
    throw invalid(`AUDIT_COLD_SSE: expected a bucket for ${cold.sse}, found a folder`);
  }
  if (cold.lock !== 'off' && cold.retainDays === 0) {
    throw invalid(`AUDIT_COLD_RETAIN_DAYS: expected days for AUDIT_COLD_LOCK ${cold.lock}, found 0`);
  }
  if (cold.lock === 'off' && cold.retainDays > 0) {
    throw invalid(`AUDIT_COLD_LOCK: expected governance or compliance for ${cold.retainDays} days, found off`);
  }
  return { primary, copy: await copyPlace(settings, primary) };
}

export const isBucket = (url: string): boolean => url.startsWith('s3:');

function primaryUrl({ dataDir, audit: { cold } }: Pick<Settings, 'audit' | 'dataDir'>): string {
  const { url, bucket, endpoint, region } = cold;
  if (bucket === undefined) {
    for (const [name, value] of [
      ['AUDIT_COLD_ENDPOINT', endpoint],
      ['AUDIT_COLD_REGION', region],
    ] as const) {
      if (value !== undefined) throw invalid(`${name}: expected AUDIT_COLD_BUCKET beside it, found none`);
    }
    return url ?? pathToFileURL(resolve(dataDir, 'cold')).href;
  }
  if (url !== undefined) throw invalid('AUDIT_COLD_URL: expected one of it and AUDIT_COLD_BUCKET, found both');
  if (!BUCKET.test(bucket)) throw invalid('AUDIT_COLD_BUCKET: expected a bucket, or <bucket>/<prefix>');
  if (endpoint !== undefined && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw invalid('AUDIT_COLD_ENDPOINT: expected an http(s) URL');
  }
  const query = new URLSearchParams({ ...(endpoint && { endpoint }), ...(region && { region }) });
  return `s3://${bucket}?${query.toString()}`;
}

async function copyPlace(settings: Pick<Settings, 'audit' | 'dataDir'>, primary: ColdPlace) {
  const { copyUrl, copyAccessKey, copySecretKey } = settings.audit.cold;
  const credentials = credentialsOf('AUDIT_COLD_COPY', copyAccessKey, copySecretKey);
  if (copyUrl === undefined) {
    if (credentials) throw invalid('AUDIT_COLD_COPY_ACCESS_KEY: expected AUDIT_COLD_COPY_URL beside it, found none');
    return undefined;
  }
  const copy: ColdPlace = { url: copyUrl, credentials, setting: 'AUDIT_COLD_COPY_URL' };
  assertStoreUrl(copy);
  const shared = await sharedPlace(copyUrl, { dataDir: settings.dataDir, storeUrl: primary.url });
  if (shared !== undefined) {
    const found = shared === 'data' ? 'a folder in or around the data folder' : `the ${shared} of ${primary.setting}`;
    throw new AuditError('AUDIT.COLD_COPY_NOT_APART', `expected AUDIT_COLD_COPY_URL elsewhere, found ${found}`);
  }
  return copy;
}

function credentialsOf(prefix: string, accessKeyId: string | undefined, secretAccessKey: string | undefined) {
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined) throw invalid(`${prefix}_ACCESS_KEY: expected it beside ${prefix}_SECRET_KEY`);
  if (secretAccessKey === undefined) throw invalid(`${prefix}_SECRET_KEY: expected it beside ${prefix}_ACCESS_KEY`);
  return { accessKeyId, secretAccessKey };
}

function assertStoreUrl({ url, setting }: ColdPlace): void {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : {};
  if ((protocol === 'file:' && url.startsWith('file:///')) || (protocol === 's3:' && hostname)) return;
  throw invalid(`${setting}: expected file:///<folder> or s3://<bucket>/<prefix>`);
}

const invalid = (message: string): AuditError => new AuditError('AUDIT.COLD_SETTING_INVALID', message);
