import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { parseNote, verifierKeyText } from '#libs/ledger';
import type { VerifierKey } from '#libs/ledger';
import { AuditError } from '../audit.errors.js';
import { signedNoteOf } from '../domain/stored-checkpoint.js';
import { PublicKeys } from '../keys/public-keys.js';
import { Checkpoints } from '../storage/checkpoints.store.js';
import { GetLatestCheckpoint, type LatestCheckpoint } from './get-latest-checkpoint.query.js';

@QueryHandler(GetLatestCheckpoint)
export class GetLatestCheckpointHandler implements IQueryHandler<GetLatestCheckpoint> {
  constructor(
    private readonly checkpoints: Checkpoints,
    private readonly keys: PublicKeys,
  ) {}

  async execute({ tenant }: GetLatestCheckpoint): Promise<LatestCheckpoint> {
    const published = await this.checkpoints.published(tenant);
    if (!published) throw new AuditError('AUDIT.CHECKPOINT_NOT_FOUND', `nothing of ${tenant} is published yet`);
    const { origin, size, root, signed_at } = published;
    const note = signedNoteOf(published);
    return {
      tenant,
      origin,
      size,
      root: Buffer.from(root).toString('base64'),
      note,
      verifier_key: verifierKeyText(signerOf(note, await this.keys.verifierKeys(tenant, origin))),
      signed_at: signed_at.toISOString(),
    };
  }
}

/** The key that this note is signed with; the newest one when it is signed with none of these. */
function signerOf(note: string, keys: readonly VerifierKey[]): VerifierKey {
  const { signatures } = parseNote(note);
  const signer = keys.find((key) => signatures.some(({ name, keyId }) => name === key.name && keyId === key.keyId));
  return signer ?? keys.at(-1)!;
}
