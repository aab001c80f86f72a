import { SecurityError } from '@aduana/core/errors/security-error';
import { describeError, type Log } from '@aduana/core/platform/log';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '../secrets/secret-provider.ts';

/** The highest version of each sealed set that was ever seen: by this process, and as the secret provider keeps it. */
export interface LatestVersions {
  /** What is known at this moment: take it before the store is read, and nothing older may be there. */
  known(): ReadonlyMap<string, number>;
  note(set: string, version: number): void;
  /** Writes to the provider what it does not know yet; an outage is logged, and the next call tries again. */
  save(): Promise<void>;
}

const NAME = 'sts/sealed-versions';
const ATTEMPTS = 4;

interface Stored {
  readonly versions: ReadonlyMap<string, number>;
  /** Of the provider's entry. */
  readonly entry: number;
}

/** @returns undefined where the rows were never sealed */
export async function readLatestVersions(
  secrets: SecretProvider,
  log: Log,
): Promise<LatestVersions | undefined> {
  const stored = await read(secrets);
  return stored === undefined ? undefined : createLatestVersions(stored.versions, secrets, log);
}

/** Notes in the provider that the rows are sealed: from now on a row without a seal is forged. */
export async function beginLatestVersions(
  versions: ReadonlyMap<string, number>,
  secrets: SecretProvider,
  log: Log,
): Promise<LatestVersions> {
  const latest = createLatestVersions(new Map(), secrets, log);
  for (const [set, version] of versions) latest.note(set, version);
  await write(versions, secrets);
  return latest;
}

function createLatestVersions(
  stored: ReadonlyMap<string, number>,
  secrets: SecretProvider,
  log: Log,
): LatestVersions {
  const known = new Map(stored);
  let saved = new Map(stored);
  return {
    known: () => new Map(known),
    note(set, version) {
      if (version > (known.get(set) ?? 0)) known.set(set, version);
    },
    async save() {
      const wanted = new Map(known);
      if ([...wanted].every(([set, version]) => version <= (saved.get(set) ?? 0))) return;
      try {
        await write(wanted, secrets);
        saved = wanted;
      } catch (error) {
        log.warn('the latest version of the rows could not be stored at the secret provider', {
          error: describeError(error),
        });
      }
    },
  };
}

async function read(secrets: SecretProvider): Promise<Stored | undefined> {
  const stored = await secrets.get(NAME, { fresh: true });
  if (stored === undefined) return undefined;
  const parsed = JSON.parse(stored.value.reveal()) as Readonly<Record<string, number>>;
  return { versions: new Map(Object.entries(parsed)), entry: stored.version };
}

/** Raises what is stored, never lowers it, whoever else writes. */
async function write(versions: ReadonlyMap<string, number>, secrets: SecretProvider): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const stored = await read(secrets);
    const merged = new Map(stored?.versions);
    for (const [set, version] of versions) if (version > (merged.get(set) ?? 0)) merged.set(set, version);
    const changed = [...merged].some(([set, version]) => stored?.versions.get(set) !== version);
    if (stored !== undefined && !changed) return;
    try {
      await secrets.put(NAME, Secret.of(JSON.stringify(Object.fromEntries(merged))), stored?.entry ?? 0);
      return;
    } catch (error) {
      const lostRace = error instanceof SecurityError && error.code === 'CONFLICT';
      if (!lostRace || attempt === ATTEMPTS) throw error;
    }
  }
}
