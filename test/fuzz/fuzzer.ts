import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type fc from 'fast-check';

/** One face that anybody can send to. */
export interface Fuzzer {
  readonly name: string;
  /** Rejects what is a fault of ours, whatever was sent. */
  readonly property: fc.IAsyncProperty<unknown>;
}

/** Runs what was sent to its end: a result, or a refusal that is no fault of ours. */
export async function accepted<Result>(work: () => Result | Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SecurityError && error.status < 500) return undefined;
    if (error instanceof ConfigurationError) return undefined;
    throw error;
  }
}
