import { fetchBelow } from '@aduana/audit-verifier/fetch-object';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { printable } from '@aduana/audit-verifier/printable';
import { Tampering, UsageProblem } from '@aduana/audit-verifier/problems';
import { openPublishedLog } from '@aduana/audit-verifier/published-log';
import type { ReadObject } from '@aduana/audit-verifier/tile-tree';
import { EXIT } from '@aduana/audit-verifier/verdict';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { ObjectStoreError } from '@aduana/server-kit/object-store/object-store';
import { openObjectStore } from '@aduana/server-kit/object-store/open-object-store';
import { OBJECT_STORE_SETTINGS } from '@aduana/server-kit/object-store/settings';
import { type CommandContext, CommandFailure } from './command-context.ts';

interface Reader {
  readonly read: ReadObject;
  readonly close: () => void;
}

/**
 * The log that is published at `https://host/prefix` or `s3://bucket/prefix`, for an export.
 *
 * @throws CommandFailure where it cannot be read, or contradicts its checkpoint; also from what is read later
 */
export async function openPublished(location: string, context: CommandContext): Promise<LogSource> {
  const { read, close } = await openReader(location, context);
  const told = <Result>(reading: Promise<Result>): Promise<Result> => reading.catch(fail);
  const source = await told(openPublishedLog(read));
  return {
    ...source,
    hashes: (from, to) => told(source.hashes(from, to)),
    entries: (from, to) => told(source.entries(from, to)),
    close() {
      close();
      return Promise.resolve();
    },
  };
}

/** Lends what reads from such a location. */
export async function readPublished<Result>(
  location: string,
  context: CommandContext,
  use: (read: ReadObject) => Promise<Result>,
): Promise<Result> {
  const { read, close } = await openReader(location, context);
  try {
    return await use(read);
  } finally {
    close();
  }
}

async function openReader(location: string, { environment, clock }: CommandContext): Promise<Reader> {
  try {
    if (!location.startsWith('s3://')) return { read: fetchBelow(location), close: () => undefined };
    const settings = loadConfig(OBJECT_STORE_SETTINGS, environment);
    const store = await openObjectStore(location, settings, clock);
    const read: ReadObject = async (path) => (await store.get(path).catch(asProblem))?.body;
    return { read, close: store.close.bind(store) };
  } catch (error) {
    return fail(error);
  }
}

/** What the store refuses says nothing of the log. */
function asProblem(error: unknown): never {
  throw error instanceof ObjectStoreError ? new UsageProblem(error.message) : error;
}

function fail(error: unknown): never {
  if (error instanceof Tampering)
    throw new CommandFailure(EXIT.tampered, `TAMPERED: ${printable(error.message)}`);
  if (error instanceof UsageProblem || error instanceof ObjectStoreError)
    throw new CommandFailure(EXIT.usage, printable(error.message));
  throw error;
}
