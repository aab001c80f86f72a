import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { describeError, type Log } from '@aduana/core/platform/log';
import { followSource } from '@aduana/server-kit/platform/follow-source';
import { z } from 'zod';

/** The operations that may run, by a manifest in Apollo's format; followed while the gateway runs. */
export interface TrustedDocuments {
  /** The text of a listed operation. */
  byId(id: string): string | undefined;
  /** Whether the text is that of a listed operation, to the letter. */
  has(text: string): boolean;
  texts(): Iterable<string>;
  readonly size: number;
  onChange(listener: () => void): void;
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
  const followed = await followSource({
    folder: path.dirname(file),
    pollMilliseconds: POLL_MS,
    clock,
    read: () => readText(file),
    load: ({ text, sha256 }) => readManifest(text, sha256, file),
    onProblem(error) {
      log.error('the manifest of trusted documents is not good, the last good one stays in force', {
        error: describeError(error),
      });
    },
  });
  followed.onChange(({ byId, sha256 }) => {
    log.info('the trusted documents have changed', { operations: byId.size, sha256 });
  });
  return {
    byId: (id) => followed.current().byId.get(id),
    has: (text) => followed.current().texts.has(text),
    texts: () => followed.current().texts,
    onChange: (listener) => void followed.onChange(listener),
    get size() {
      return followed.current().byId.size;
    },
    stop: () => followed.stop(),
  };
}

async function readText(file: string): Promise<{ readonly text: string; readonly sha256: string }> {
  try {
    const text = await readFile(file, 'utf8');
    return { text, sha256: sha256Hex(text) };
  } catch (error) {
    throw refusal(file, `cannot be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
}

function readManifest(text: string, sha256: string, file: string): Listed {
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
  return { sha256, byId, texts: new Set(byId.values()) };
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
