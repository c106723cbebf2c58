import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { zipSync } from 'fflate';
import type { ConversionRequest, DriverInfo } from '../../driver/driver.types.js';
import type { Report } from './conversion-report.js';

export const NOTICE = 'Reference INT8 ONNX made without the vendor toolchain; it cannot be loaded on a Kneron NPU.';

/** `NOTICE.txt`. */
export const NOTICE_TEXT = `${NOTICE}
statement.intoto.json is not signed: it tells how the models were made and binds their digests, and proves neither.
`;

/** What goes into a package besides its manifest, by file name. */
export type PackageFiles = Record<string, Uint8Array>;

/**
 * The bytes of `kref/1`: names sorted, one fixed date, no clock value, so that equal requests give equal bytes. The
 * date is given by its local fields, which is what a zip entry stores.
 */
export function packageBytes(files: PackageFiles, manifest: object): Uint8Array {
  const all: PackageFiles = { ...files, 'manifest.json': jsonBytes(manifest) };
  const sorted = Object.fromEntries(Object.entries(all).sort(byName));
  return zipSync(sorted, { mtime: new Date(1980, 0, 1), level: 6 });
}

export function manifestOf(
  request: ConversionRequest,
  driver: Pick<DriverInfo, 'id' | 'version'>,
  report: Report,
  files: PackageFiles,
): object {
  return {
    schema: 'kref/1',
    kind: 'reference',
    vendorArtifact: false,
    deployable: { kneronNpu: false, onnxRuntime: true },
    notice: NOTICE,
    target: {
      platform: request.modelConfig.platform,
      modelId: request.modelConfig.id,
      version: request.modelConfig.version,
      advisory: true,
    },
    driver: { id: driver.id, version: driver.version },
    source: { sha256: request.model.sha256, bytes: request.model.bytes, opset: report.model.opset },
    files: Object.entries(files)
      .sort(byName)
      .map(([name, bytes]) => ({ name, bytes: bytes.length, sha256: sha256Of(bytes) })),
    createdFrom: {
      requestSha256: requestSha256(request),
      referencesSha256: request.references.map((reference) => reference.sha256),
    },
  };
}

/** Digest of what decides the package: not where files lie, what they are called, whose job it is, or how many threads. */
export function requestSha256(request: ConversionRequest): string {
  const references = request.references.map(({ sha256, input }) => ({ sha256, input }));
  const decides = { model: request.model.sha256, references, ...decidingOptions(request) };
  // Options that were left out count as absent, whether or not they are named.
  const plain = JSON.parse(JSON.stringify(decides)) as object;
  return sha256Of(new TextEncoder().encode(canonicalize(plain)));
}

/** What was asked for besides files: every option that can change a byte of the package. */
export function decidingOptions({ modelConfig, inputs, quantization, want, ...rest }: ConversionRequest) {
  const { verifyImages, layerReport, verdict } = rest;
  return {
    modelConfig,
    inputs,
    quantization: { ...quantization, threads: undefined },
    want,
    verifyImages,
    layerReport,
    verdict,
  };
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
