import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import { z } from 'zod';

/** The operations that may run, by a manifest in Apollo's format; followed while the gateway runs. */
export interface TrustedDocuments {
  /** The text of a listed operation. */
  byId(id: string): string | undefined;
  /** Whether the text is that of a listed operation, to the letter. */
  has(text: string): boolean;
  readonly size: number;
  stop(): Promise<void>;
}

export interface TrustedDocumentsOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

const POLL_MS = 5_000;

const MANIFEST = z.object({
  format: z.literal('apollo-persisted-query-manifest', 'is not `apollo-persisted-query-manifest`'),
  version: z.literal(1, 'is not 1'),
  operations: z.array(
    z.object({ id: z.string().min(1).max(256), name: z.string(), type: z.string(), body: z.string().min(1) }),
  ),
});

interface Listed {
  readonly sha256: string;
  readonly byId: ReadonlyMap<string, string>;
  readonly texts: ReadonlySet<string>;
}

/**
 * Reads the manifest and follows its file; a bad one does not replace a good one.
 *
 * @throws ConfigurationError when the file is no good manifest
 */
export async function openTrustedDocuments(options: TrustedDocumentsOptions): Promise<TrustedDocuments> {
  const { file, clock, log } = options;
  let listed = readManifest(await readText(file), file);
  let seen = listed.sha256;
  const polling = every(
    clock,
    () => POLL_MS,
    async () => {
      const text = await readText(file);
      if (sha256Hex(text) === seen) return;
      seen = sha256Hex(text);
      listed = readManifest(text, file);
      log.info('the trusted documents have changed', { operations: listed.byId.size, sha256: listed.sha256 });
    },
    (error) => {
      log.error('the manifest of trusted documents is not good, the last good one stays in force', {
        error: describeError(error),
      });
    },
  );
  return {
    byId: (id) => listed.byId.get(id),
    has: (text) => listed.texts.has(text),
    get size() {
      return listed.byId.size;
    },
    stop: () => polling.stop(),
  };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw refusal(file, `cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
}

function readManifest(text: string, file: string): Listed {
  const parsed = MANIFEST.safeParse(parseJson(text, file));
  if (!parsed.success)
    throw new ConfigurationError(
      parsed.error.issues.map(({ path, message }) => ({
        subject: file,
        problem: `${path.map(String).join('.')}: ${message}`,
        remedy: REMEDY,
      })),
    );
  const { operations } = parsed.data;
  const byId = new Map(operations.map(({ id, body }) => [id, body]));
  if (byId.size < operations.length) throw refusal(file, 'lists an id twice');
  return { sha256: sha256Hex(text), byId, texts: new Set(byId.values()) };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(file, 'is not JSON');
  }
}

const REMEDY = 'Make it with `generate-persisted-query-manifest`, or set TRUSTED_DOCUMENTS=off';

function refusal(file: string, problem: string): ConfigurationError {
  return new ConfigurationError([{ subject: file, problem, remedy: REMEDY }]);
}
