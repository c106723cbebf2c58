import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { base64urlOf, verifierKeyText, type VerifierKey } from '#libs/ledger';
import { publicKeyIn } from '../keys/key-ring.js';
import { PublicKeys, type PublicKey } from '../keys/public-keys.js';
import { GetPublicKeys, type PublicJwk } from './get-public-keys.query.js';

@QueryHandler(GetPublicKeys)
export class GetPublicKeysHandler implements IQueryHandler<GetPublicKeys> {
  constructor(private readonly keys: PublicKeys) {}

  async execute(): Promise<{ keys: PublicJwk[] }> {
    const cosigners = await this.keys.cosignerKeys();
    return { keys: (await this.keys.all()).map((key) => jwkOf(key, cosigners)) };
  }
}

function jwkOf(key: PublicKey, cosigners: readonly VerifierKey[]): PublicJwk {
  const x = base64urlOf(publicKeyIn(key));
  const cosigner = cosigners.find(({ publicKey }) => key.purpose === 'cosignature' && base64urlOf(publicKey) === x);
  return {
    ...({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' } as const),
    x,
    kid: key.id,
    purpose: key.purpose,
    created_at: key.created_at,
    ...(key.retired_at !== undefined && { retired_at: key.retired_at }),
    ...(cosigner && { verifier_key: verifierKeyText(cosigner) }),
  };
}
