import type { RemoteKeysKind } from '@aduana/server-kit/secrets/remote-keys';
import type { PublicSigningKey } from '@aduana/server-kit/tokens/public-signing-key';

/** Where a signing key's private part is: wrapped in the store, or where it never leaves. */
export type PrivatePart =
  | { readonly heldIn: 'store'; readonly wrapped: string }
  | { readonly heldIn: RemoteKeysKind; readonly reference: string };

export interface NewKey {
  readonly fresh: PublicSigningKey;
  readonly part: PrivatePart;
}
