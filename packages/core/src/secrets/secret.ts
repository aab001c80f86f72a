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
  readonly #value: string | Buffer;

  private constructor(value: string | Buffer) {
    this.#value = value;
  }

  /** @param value text, whose bytes are its UTF-8, or bytes, which are copied */
  static of(value: string | Uint8Array): Secret {
    return new Secret(typeof value === 'string' ? value : Buffer.from(value));
  }

  /** The bytes themselves, for the one call that needs them. */
  revealBytes(): Buffer {
    return typeof this.#value === 'string' ? Buffer.from(this.#value) : this.#value;
  }

  /** The value as UTF-8 text, for the one call that needs it. */
  reveal(): string {
    return this.#value.toString();
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
