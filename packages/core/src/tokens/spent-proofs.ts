import { SecurityError } from '../errors/security-error.ts';
import { type Clock, epochSeconds } from '../platform/clock.ts';
import { createExpiringIds } from '../platform/expiring-ids.ts';

const MOST_IDS = 1_000_000;
const PRUNE_EVERY_SECONDS = 30;

/**
 * Remembers the proofs that this process has seen, in 48 MiB at the most; when that is full, nothing more is believed.
 *
 * @returns what `DpopVerifierOptions.spend` asks for
 */
export function createSpentProofs(clock: Clock): (id: string, expiresAt: number) => boolean {
  const seen = createExpiringIds();
  let prunedAt = 0;
  return (id, expiresAt) => {
    const now = epochSeconds(clock);
    if (now - prunedAt >= PRUNE_EVERY_SECONDS) {
      prunedAt = now;
      seen.prune(now);
    }
    if (seen.has(id)) return false;
    if (seen.size >= MOST_IDS)
      throw new SecurityError('temporarily_unavailable', { detail: 'too many DPoP proofs within a minute' });
    seen.add(id, Math.ceil(expiresAt / 1000));
    return true;
  };
}
