import { Injectable } from '@nestjs/common';
import {
  isWitnessed,
  TILE_WIDTH,
  type AnchorClaim,
  type Checkpoint,
  type PolicyWitness,
  type VerifierKey,
} from '#libs/ledger';
import { Log } from '#libs/telemetry';
import type { AuditErrorCode } from '../audit.errors.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Anchors, type StoredAnchor } from '../storage/anchors.store.js';
import type { AnchoredObject, AnchorStore } from './anchor-store.js';
import { AnchorTargets } from './anchor-targets.js';
import { signedCheckpoint, witnessName } from './anchored-note.js';
import { verifiedTimestamp, type Certificates } from './rfc3161.js';

/** From and to, both included. */
export interface Range {
  from?: number | undefined;
  to?: number | undefined;
}

/** Which ledger's anchors are asked for, and of which sizes. */
interface Asked {
  tenant: string;
  origin: string;
  from: number;
  to: number;
}

interface Cosigned {
  witness: PolicyWitness;
  checkpoint: Checkpoint;
  time: number;
}

/**
 * What others say of a ledger, each checked with their own keys: nothing is taken on the database's word. Copies are
 * read from the anchor store; cosignatures and tokens lie in the database and prove themselves.
 */
@Injectable()
export class AnchorReader {
  constructor(
    private readonly targets: AnchorTargets,
    private readonly anchors: Anchors,
    private readonly keys: PublicKeys,
    private readonly log: Log,
  ) {}

  /**
   * Of checkpoints whose size is in the range; by kind, then by size from the lowest. What does not hold is left out
   * and logged. Rejects with OBJECT_STORE. codes when the anchor store cannot be asked.
   */
  async *claims(
    tenant: string,
    origin: string,
    { from = 0, to = Number.MAX_SAFE_INTEGER }: Range = {},
  ): AsyncGenerator<AnchorClaim> {
    const asked = { tenant, origin, from, to };
    yield* this.copies(asked);
    yield* this.cosignatures(asked);
    yield* this.timestamps(asked);
  }

  /** The claim of the largest size that is at least `atLeast`; the fewer there are, the less is read. */
  async newest(tenant: string, origin: string, atLeast = 0): Promise<AnchorClaim | undefined> {
    let newest: AnchorClaim | undefined;
    for await (const claim of this.claims(tenant, origin, { from: atLeast })) {
      if (newest === undefined || claim.size > newest.size) newest = claim;
    }
    return newest;
  }

  /** Of the newest sizes that witnesses cosigned, the largest for which the quorum holds. */
  async witnessedSize(tenant: string, origin: string): Promise<number | null> {
    const places = (this.targets.policy?.witnesses ?? []).map(
      ({ key }) => ({ tenant, origin, kind: 'witness', name: witnessName(key) }) as const,
    );
    const newest = await Promise.all(places.map((place) => this.anchors.newest(place)));
    const sizes = [...new Set(newest.flatMap((anchor) => anchor?.size ?? []))].sort((a, b) => b - a);
    for (const size of sizes) {
      for await (const claim of this.cosignatures({ tenant, origin, from: size, to: size })) {
        if (claim.independent) return size;
      }
    }
    return null;
  }

  /** Full tiles of level 0 in the anchor store whose first leaf is in the range, without a gap. Not proven here. */
  async *leafTiles(
    origin: string,
    { from = 0, to = Infinity }: Range = {},
  ): AsyncGenerator<{ from: number; hashes: Uint8Array[] }> {
    if (!this.targets.store) return;
    for (let index = Math.ceil(from / TILE_WIDTH); index * TILE_WIDTH <= to; index++) {
      const hashes = await this.targets.store.leafHashes(origin, index);
      if (hashes === undefined) return;
      yield { from: index * TILE_WIDTH, hashes };
    }
  }

  private async *copies(asked: Asked): AsyncGenerator<AnchorClaim> {
    const { store } = this.targets;
    if (!store) return;
    const { tenant, origin, from, to } = asked;
    const keys = await this.keys.verifierKeys(tenant, origin);
    const found = new Set<number>();
    for await (const { size, key } of store.checkpoints(origin, from)) {
      if (size > to) break;
      const claim = claimIn(await store.read(key), { origin, size }, { store, keys });
      if (claim) {
        found.add(size);
        yield claim;
      } else this.invalid(tenant, 'AUDIT.ANCHOR_MISMATCH', `object_store:${key}`);
    }
    // Copies that someone put another version over, or a delete marker: the version that was put is still there.
    for await (const { size, version } of this.kept('object_store', store.name, asked)) {
      if (found.has(size) || version === undefined) continue;
      const covered = await store.read(store.checkpointKey(origin, size), { version });
      const claim = claimIn(covered, { origin, size }, { store, keys });
      if (claim) yield claim;
    }
  }

  /** Those of a tree for which the quorum does not hold are told too, and are not independent evidence. */
  private async *cosignatures(asked: Asked): AsyncGenerator<AnchorClaim> {
    const { policy } = this.targets;
    if (!policy) return;
    const keys = await this.keys.verifierKeys(asked.tenant, asked.origin);
    const found: Cosigned[] = [];
    for (const witness of policy.witnesses)
      for await (const one of this.cosigned(witness, asked, keys)) found.push(one);
    const witnesses = new Map<string, Set<string>>();
    for (const { witness, checkpoint } of found) {
      const tree = treeOf(checkpoint);
      witnesses.set(tree, (witnesses.get(tree) ?? new Set()).add(witness.name));
    }
    for (const { witness, checkpoint, time } of found.sort((a, b) => a.checkpoint.size - b.checkpoint.size)) {
      const independent = isWitnessed(policy, witnesses.get(treeOf(checkpoint))!);
      yield { ...claimOf('witness', witnessName(witness.key), checkpoint, time), independent };
    }
  }

  /** A witness cosigns nothing that the log has not signed: a line of its key alone is no claim of this ledger. */
  private async *cosigned(
    witness: PolicyWitness,
    asked: Asked,
    keys: readonly VerifierKey[],
  ): AsyncGenerator<Cosigned> {
    const name = witnessName(witness.key);
    for await (const anchor of this.kept('witness', name, asked)) {
      const signed = signedCheckpoint(`${anchor.note}${anchor.cosignature?.line}\n`, anchor, [witness.key]);
      const ours = signedCheckpoint(anchor.note, anchor, keys);
      if (signed?.time === undefined || !ours)
        this.invalid(asked.tenant, 'AUDIT.WITNESS_ANSWER_INVALID', `witness:${name}`);
      else yield { witness, checkpoint: signed.checkpoint, time: signed.time };
    }
  }

  private async *timestamps(asked: Asked): AsyncGenerator<AnchorClaim> {
    const { timestamps } = this.targets;
    if (!timestamps) return;
    const { name, trusted } = timestamps;
    const keys = await this.keys.verifierKeys(asked.tenant, asked.origin);
    for await (const anchor of this.kept('rfc3161', name, asked)) {
      const signed = signedCheckpoint(anchor.note, anchor, keys);
      const time = signed && (await timeOf(anchor, trusted));
      if (signed && time !== undefined) yield claimOf('rfc3161', name, signed.checkpoint, time);
      else this.invalid(asked.tenant, 'AUDIT.TOKEN_SIGNATURE', `rfc3161:${name}`);
    }
  }

  private kept(
    kind: StoredAnchor['kind'],
    name: string,
    { tenant, origin, from, to }: Asked,
  ): AsyncIterable<StoredAnchor> {
    return this.anchors.between({ tenant, origin, kind, name }, from, to);
  }

  private invalid(tenant: string, code: AuditErrorCode, resource: string): void {
    this.log.error('audit.anchor_invalid', { tenant_id: tenant, error_code: code, resource });
  }
}

function claimIn(
  copy: AnchoredObject | undefined,
  expected: { origin: string; size: number },
  { store, keys }: { store: AnchorStore; keys: readonly VerifierKey[] },
): AnchorClaim | undefined {
  const signed = copy && signedCheckpoint(Buffer.from(copy.bytes).toString('utf8'), expected, keys);
  return signed && claimOf('object_store', store.name, signed.checkpoint, Math.floor(copy.storedAt.getTime() / 1000));
}

async function timeOf({ note, token }: StoredAnchor, trusted: Certificates): Promise<number | undefined> {
  if (!token) return undefined;
  const verified = verifiedTimestamp(Uint8Array.from(token), { data: Buffer.from(note), trusted });
  return verified.then(
    ({ time }) => time,
    () => undefined,
  );
}

function claimOf(kind: AnchorClaim['kind'], name: string, { size, root }: Checkpoint, time: number): AnchorClaim {
  return { kind, name, size, root, time, independent: true };
}

const treeOf = ({ size, root }: Checkpoint): string => `${size} ${Buffer.from(root).toString('hex')}`;
