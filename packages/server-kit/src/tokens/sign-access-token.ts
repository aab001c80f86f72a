import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { Signer } from './signer.ts';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';

/** A private key that signs with one algorithm under one kid. */
export interface SigningKey extends Signer {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
}

/** The compact serialisation (RFC 7515 section 7.1) of an access token, `typ: at+jwt` (RFC 9068 section 2.1). */
export async function signAccessToken(claims: AccessTokenClaims, key: SigningKey): Promise<string> {
  const header = encode({ alg: key.algorithm, kid: key.kid, typ: 'at+jwt' });
  const input = `${header}.${encode(claims)}`;
  const signature = await key.sign(Buffer.from(input, 'ascii'));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}

function encode(members: object): string {
  return Buffer.from(JSON.stringify(members)).toString('base64url');
}
