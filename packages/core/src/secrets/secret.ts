import { inspect } from 'node:util';

const CENSORED = '[secret]';

/**
 * A value that is not printed by accident: a template, `String`, `JSON.stringify` and `inspect` give `[secret]`.
 *
 * @example
 * const secret = Secret.of(token);
 * headers.authorization = `Bearer ${secret.reveal()}`;
 */
export class Secret {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @param value text, kept as UTF-8, or bytes, which are copied */
  static of(value: string | Uint8Array): Secret {
    return new Secret(Buffer.from(value as string));
  }

  /** The bytes themselves, for the one call that needs them. */
  revealBytes(): Buffer {
    return this.#bytes;
  }

  /** The value as UTF-8 text, for the one call that needs it. */
  reveal(): string {
    return this.#bytes.toString('utf8');
  }

  toString(): string {
    return CENSORED;
  }

  toJSON(): string {
    return CENSORED;
  }

  [inspect.custom](): string {
    return CENSORED;
  }
}
