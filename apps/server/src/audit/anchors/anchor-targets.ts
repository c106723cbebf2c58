import { readFile } from 'node:fs/promises';
import { LedgerError, parsePolicy, type PolicyWitness, type WitnessPolicy } from '#libs/ledger';
import type { Settings } from '../../settings.js';
import { coldPlaces } from '../cold/cold-places.js';
import { AuditError } from '../audit.errors.js';
import type { PublicKeys } from '../keys/public-keys.js';
import { AnchorStore } from './anchor-store.js';
import type { AnchorTarget } from './anchor-target.js';
import { assertApart } from './apart.js';
import { ObjectStoreAnchor } from './object-store-anchor.js';
import { certificatesIn } from './rfc3161.js';
import { TimestampAnchor } from './timestamp-anchor.js';
import { WitnessAnchor, type KnownSizes } from './witness-anchor.js';

/** What is configured: every place that checkpoints are anchored at, and what it takes to believe each of them. */
export class AnchorTargets {
  readonly all: readonly AnchorTarget[];

  private constructor(
    readonly store: AnchorStore | undefined,
    readonly policy: WitnessPolicy | undefined,
    readonly timestamps: TimestampAnchor | undefined,
    keys: PublicKeys,
    sizes: KnownSizes,
  ) {
    this.all = [
      ...(store ? [new ObjectStoreAnchor(store, (tenant, origin) => keys.verifierKeys(tenant, origin))] : []),
      ...(policy?.witnesses ?? []).filter(hasUrl).map((witness) => new WitnessAnchor(witness, sizes)),
      ...(timestamps ? [timestamps] : []),
    ];
  }

  /**
   * Reads the files that the settings name. Nothing is asked over the network: who does not answer keeps nobody from
   * starting. Rejects with AUDIT.ANCHOR_NOT_APART, WITNESS_POLICY_INVALID or TSA_CA_INVALID.
   */
  static async load(
    settings: Pick<Settings, 'audit' | 'dataDir' | 'objectStoreUrl'>,
    keys: PublicKeys,
    sizes: KnownSizes,
  ): Promise<AnchorTargets> {
    const { url, accessKey, secretKey, retainDays, witnessPolicy, tsaUrl, tsaCa } = settings.audit.anchors;
    if (url !== undefined) await assertApart(url, { dataDir: settings.dataDir, stores: await storesOf(settings) });
    const store = url === undefined ? undefined : new AnchorStore({ url, accessKey, secretKey, retainDays });
    const policy = witnessPolicy === undefined ? undefined : await policyIn(witnessPolicy);
    const stamps = tsaUrl === undefined ? undefined : await timestampsOf(tsaUrl, tsaCa);
    return new AnchorTargets(store, policy, stamps, keys, sizes);
  }
}

async function storesOf(settings: Pick<Settings, 'audit' | 'dataDir' | 'objectStoreUrl'>) {
  const { primary, copy } = await coldPlaces(settings);
  return {
    OBJECT_STORE_URL: settings.objectStoreUrl,
    [primary.setting]: primary.url,
    ...(copy && { [copy.setting]: copy.url }),
  };
}

const hasUrl = (witness: PolicyWitness): witness is PolicyWitness & { url: string } => witness.url !== undefined;

async function policyIn(path: string): Promise<WitnessPolicy> {
  try {
    const policy = parsePolicy(await readFile(path));
    const reachable = policy.witnesses.filter(hasUrl);
    if (reachable.length > 0 && reachable.every(({ url }) => /^https?:$/.test(protocolOf(url)))) return policy;
  } catch (cause) {
    const message = cause instanceof LedgerError ? cause.message : 'expected a readable file';
    throw new AuditError('AUDIT.WITNESS_POLICY_INVALID', `AUDIT_WITNESS_POLICY: ${message}`, { cause });
  }
  throw new AuditError('AUDIT.WITNESS_POLICY_INVALID', 'AUDIT_WITNESS_POLICY: expected witnesses with http(s) URLs');
}

async function timestampsOf(url: string, ca: string | undefined): Promise<TimestampAnchor> {
  if (!/^https?:$/.test(protocolOf(url))) throw invalidCa('expected AUDIT_TSA_URL to be an http(s) URL');
  if (ca === undefined) throw invalidCa('expected AUDIT_TSA_CA beside AUDIT_TSA_URL');
  const pem = await readFile(ca, 'utf8').catch((cause: unknown) => {
    throw invalidCa('expected AUDIT_TSA_CA to be a readable file', cause);
  });
  const trusted = certificatesIn(pem);
  if (trusted.length === 0) throw invalidCa('expected certificates in AUDIT_TSA_CA');
  return new TimestampAnchor(url, trusted);
}

const protocolOf = (url: string): string => (URL.canParse(url) ? new URL(url).protocol : '');

const invalidCa = (message: string, cause?: unknown): AuditError =>
  new AuditError('AUDIT.TSA_CA_INVALID', message, { cause });
