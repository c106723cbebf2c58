import { Inject, Injectable } from '@nestjs/common';
import {
  envelopeSigners,
  envelopeText,
  parsedEnvelope,
  sha256Hex,
  verifyEnvelopeMac,
  type DsseEnvelope,
} from '#libs/archive';
import { hasCode } from '#libs/kernel';
import { canonicalJson } from '#libs/ledger';
import { Settings } from '../../settings.js';
import { incarnationOf } from '../domain/origin.js';
import { AuditKeys } from '../keys/audit-keys.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { ColdStores } from './cold-stores.js';
import { putOnce } from './put-once.js';

/** What a statement says of whose it is; the rest is for its kind. */
export interface Statement {
  version: 1;
  tenant: string;
  /** Of the ledger's incarnation that made it. */
  origin: string;
}

/**
 * What the service states beside the batches in the cold store (receipts of erasures, tombstones): DSSE envelopes by the
 * ledger's note key, so that the store alone can state nothing.
 */
@Injectable()
export class Statements {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'origin'>,
    private readonly keys: AuditKeys,
    private readonly publicKeys: PublicKeys,
    private readonly checkpoints: Checkpoints,
    private readonly cold: ColdStores,
  ) {}

  /** The signed text. Rejects with AUDIT.KEYS_ELSEWHERE. */
  async text(type: string, said: Statement): Promise<string> {
    const { tenant, origin } = said;
    const signer = await this.keys.archiveSigner(tenant, origin, await this.checkpoints.publishedSize(tenant));
    const keyId = this.keys.macIds.current;
    const mac = (bytes: Uint8Array): Uint8Array => this.keys.archiveMac(tenant, bytes, keyId) as Uint8Array;
    return envelopeText(type, Buffer.from(canonicalJson({ ...said })), { signer, mac: { keyId, mac } });
  }

  /**
   * Puts a statement into the cold store, locked and encrypted as archived objects are; the copy gets it from those who
   * keep it in step. May be repeated: the same one there is success. Rejects with OBJECT_STORE codes, and with what
   * `occupied` makes when another object lies there.
   */
  async put(key: string, text: string, occupied: (cause: unknown) => Error): Promise<void> {
    const store = await this.cold.primary();
    const options = { contentType: 'application/json', ...this.cold.putOptions(new Date()) };
    const object = { key, bytes: Buffer.from(text), sha256: sha256Hex(text) };
    await putOnce(store, object, options, (_message, cause) => occupied(cause));
  }

  /**
   * What it says, or undefined: not of this type or tenant, not signed by a key of the ledger's, or under a MAC that the
   * key it names here would not have made. A MAC by a key that is not here (any more) says nothing; but what only keys
   * signed that others may have needs one that holds, and is not said in a process that has no keys to tell.
   */
  async said(type: string, tenant: string, text: string | Uint8Array): Promise<Record<string, unknown> | undefined> {
    const found = envelopeIn(text);
    if (found?.envelope.payloadType !== type) return undefined;
    const { envelope, said } = found;
    const { version, tenant: of, origin } = said;
    if (version !== 1 || of !== tenant || typeof origin !== 'string') return undefined;
    if (incarnationOf(this.settings.origin, tenant, origin) === undefined) return undefined;
    const { holding, failing } = envelopeSigners(envelope, await this.publicKeys.verifierKeys(tenant, origin));
    if (holding.length === 0 || failing.length > 0) return undefined;
    const holds = this.macHolds(tenant, envelope);
    if (holds !== undefined) return holds ? said : undefined;
    const sound = envelopeSigners(envelope, await this.publicKeys.soundKeys(tenant, origin));
    return sound.holding.length > 0 ? said : undefined;
  }

  /** Undefined where no key tells. */
  private macHolds(tenant: string, envelope: DsseEnvelope): boolean | undefined {
    if (!this.keys.signs) return undefined;
    try {
      verifyEnvelopeMac(envelope, (keyId, bytes) => this.keys.archiveMac(tenant, bytes, keyId));
      return true;
    } catch (error) {
      if (hasCode(error, 'ARCHIVE.MANIFEST_MAC')) return false;
      if (hasCode(error, 'ARCHIVE.MAC_KEY_UNKNOWN')) return undefined;
      throw error;
    }
  }
}

function envelopeIn(text: string | Uint8Array): { envelope: DsseEnvelope; said: Record<string, unknown> } | undefined {
  try {
    const envelope = parsedEnvelope(text);
    const said: unknown = JSON.parse(envelope.payload.toString('utf8'));
    return typeof said === 'object' && said !== null ? { envelope, said: { ...said } } : undefined;
  } catch (error) {
    if (hasCode(error, 'ARCHIVE.ENVELOPE_FORM') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
