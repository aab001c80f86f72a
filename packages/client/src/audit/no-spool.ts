import { SecurityError } from '@aduana/core/errors/security-error';
import type { SpoolQueue } from './spool.ts';

/** Where nothing may wait on a disk: an event is in the log, or refused. */
export function createNoSpool(): SpoolQueue {
  return {
    isOff: true,
    bytes: 0,
    maxBytes: 0,
    isEmpty: true,
    takeLost: () => 0,
    hasRoom: () => true,
    append: () =>
      Promise.reject(
        new SecurityError('AUDIT_UNAVAILABLE', { detail: 'the log is away, and nothing is spooled' }),
      ),
    peek: () => Promise.resolve([]),
    drop: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
