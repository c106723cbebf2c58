import type { ListObjectVersionsCommandOutput, S3Client } from '@aws-sdk/client-s3';

import type { ObjectVersion } from './object-store.types.js';
import type { S3Sdk } from './s3-upload.js';

/** Every version of the one key, newest first, with the markers between them. */
export async function versionsOf(
  { sdk, client }: { sdk: S3Sdk; client: S3Client },
  { Bucket, Key }: { Bucket: string; Key: string },
  abortSignal: AbortSignal | undefined,
): Promise<ObjectVersion[]> {
  const found: ObjectVersion[] = [];
  let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } | undefined = {};
  while (from) {
    const command = new sdk.ListObjectVersionsCommand({ Bucket, Prefix: Key, ...from });
    const page: ListObjectVersionsCommandOutput = await client.send(command, { abortSignal });
    for (const [listed, deleteMarker] of [
      [page.Versions ?? [], false],
      [page.DeleteMarkers ?? [], true],
    ] as const) {
      for (const { Key: key, VersionId: version, LastModified, IsLatest } of listed) {
        if (key !== Key) continue; // one that only begins alike
        found.push({ version, storedAt: LastModified ?? new Date(0), newest: IsLatest ?? false, deleteMarker });
      }
    }
    // The key itself sorts before every other that begins with it, so the first page that goes beyond it is the last.
    const more = page.IsTruncated === true && page.NextKeyMarker === Key;
    from = more ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker } : undefined;
  }
  return found.sort((a, b) => Number(b.newest) - Number(a.newest) || b.storedAt.getTime() - a.storedAt.getTime());
}
