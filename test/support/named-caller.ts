import type { Caller } from '../../gateway/stages.ts';

/** A caller of whom nothing is known but who it is. */
export const callerNamed = (sub: string): Caller =>
  ({ claims: { sub, sub_iss: 'sts' } }) as unknown as Caller;
