import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import type { Platform } from '@aduana/core/platform/platform';
import type { AuditSettings } from '../config.ts';
import { createStoredTimestamps, type StoredTimestamps } from './stored-timestamps.ts';
import { startTimestamping } from './timestamping.ts';
import { startWitnessing, type WitnessingParts, type WitnessState } from './witnessing.ts';

/** What others vouch for: that the log has one history, and at what time it had come how far. */
export interface Attestations {
  /** The last note that a witness has cosigned. */
  readonly witnessed: () => string | undefined;
  readonly witnesses: () => readonly WitnessState[];
  readonly timestamps: StoredTimestamps;
  /** Has the last checkpoint stamped, where an authority is configured. */
  readonly stamp: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startAttestations(
  settings: AuditSettings,
  parts: WitnessingParts & Platform & ServiceStore,
): Promise<Attestations> {
  const timestamps = createStoredTimestamps(parts, parts.logVkeys);
  const witnessing = await startWitnessing(settings, parts);
  const timestamping = await startTimestamping(settings, { ...parts, timestamps });
  return {
    witnessed: () => witnessing?.note(),
    witnesses: () => (witnessing === undefined ? [] : [witnessing.state()]),
    timestamps,
    stamp: async () => timestamping?.stamp(),
    async stop() {
      await witnessing?.stop();
      await timestamping?.stop();
    },
  };
}
