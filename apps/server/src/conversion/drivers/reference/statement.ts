import type { ConversionRequest } from '../../driver/driver.types.js';
import { decidingOptions, type PackageFiles, sha256Of } from './package.js';
import { REFERENCE_DRIVER } from './reference.types.js';

/** The files of a package that are models: what the statement is about. */
const MODELS = ['model.int8.onnx', 'model.optimized.onnx'] as const;

interface ResourceDescriptor {
  name: string;
  digest: { sha256: string };
  annotations?: { input: string };
}

/** in-toto Statement v1 with the predicate of SLSA provenance v1. */
export interface Statement {
  _type: 'https://in-toto.io/Statement/v1';
  subject: ResourceDescriptor[];
  predicateType: 'https://slsa.dev/provenance/v1';
  predicate: {
    buildDefinition: {
      buildType: string;
      externalParameters: ReturnType<typeof decidingOptions>;
      resolvedDependencies: ResourceDescriptor[];
    };
    runDetails: { builder: { id: string; version: Record<string, string> } };
  };
}

/**
 * How the models of a package came to be (slsa.dev/spec/v1.0/provenance, in-toto attestation spec v1). Unsigned, and
 * without times or an invocation id: equal requests give equal statements. `files` must hold both models.
 */
export function statementOf(request: ConversionRequest, files: PackageFiles): Statement {
  const { id, version } = REFERENCE_DRIVER;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: MODELS.map((name) => ({ name, digest: { sha256: sha256Of(files[name]!) } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `assay:conversion/${id}/v1`,
        externalParameters: decidingOptions(request),
        resolvedDependencies: [
          { name: 'model', digest: { sha256: request.model.sha256 } },
          ...request.references.map(({ sha256, input }, index) => ({
            name: `references/${index}`,
            digest: { sha256 },
            annotations: { input },
          })),
        ],
      },
      runDetails: { builder: { id: `assay:driver/${id}`, version: { [id]: version } } },
    },
  };
}
