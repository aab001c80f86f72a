import type { WrapContext } from './secret-provider.ts';

/** Envelope encryption under a key that lies elsewhere. */
export interface Envelope {
  /** Text that opens only for the same context. */
  seal(plaintext: Uint8Array, context: WrapContext): Promise<string>;
  /** @throws SecurityError `FORBIDDEN` for text that was changed or sealed for another context */
  open(sealed: string, context: WrapContext): Promise<Buffer>;
  check(): Promise<void>;
}

/** The same bytes for the same context, whatever the order of its members. */
export function contextBytes(context: WrapContext): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))));
}
