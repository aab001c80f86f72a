import type { HouseClient } from './house-client.ts';

/** The services as which the checks ask. */
export type Callers = Readonly<Record<'bff' | 'operator' | 'auditor', HouseClient>>;

export interface HandshakeCheck {
  /** The guarantee, in a few words. */
  readonly name: string;
  /** @returns what was seen; a throw is a failure */
  run(callers: Callers): Promise<string>;
}
