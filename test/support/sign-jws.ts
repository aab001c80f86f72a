import type { Signer } from '@aduana/server-kit/tokens/signer';

/** A compact JWS with any header and payload, however wrong, that is rightly signed. */
export async function signJws(signer: Signer, header: object, payload: object): Promise<string> {
  const input = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${Buffer.from(await signer.sign(Buffer.from(input))).toString('base64url')}`;
}
