import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import { describeError, type Log } from '@aduana/core/platform/log';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { AskSupergraph } from './ask-supergraph.ts';

export interface SupergraphVersion {
  readonly text: string;
  readonly sha256: string;
}

/** Where the composed supergraph comes from: a file, or a URL with a copy of its last good version on disk. */
export interface SupergraphSource {
  /** Where it comes from, without a path that may hold a key. */
  readonly name: string;
  /** A folder whose changes are worth a look at once. */
  readonly folder: string;
  /** How often it is worth asking. */
  readonly pollMilliseconds: number;
  /**
   * The newest version. A URL that fails at the first time is answered from the copy.
   *
   * @throws SecurityError `SUPERGRAPH_INVALID` where there is none
   */
  read(): Promise<SupergraphVersion>;
  /** Called with the text that has been loaded, and is worth a copy; a copy that fails keeps no supergraph from serving. */
  keep(text: string): Promise<void>;
  /** `ok`, or that the last good version serves because there is no newer one to be had. */
  state(): string;
}

export interface UrlSourceOptions {
  /** Where `ask` asks; its path may hold a key and is not repeated. */
  readonly url: string;
  readonly ask: AskSupergraph;
  readonly pollMilliseconds: number;
  /** Where the last good version is kept. */
  readonly copyFile: string;
  readonly log: Log;
}

const FILE_POLL_MILLISECONDS = 2_000;
const COPY_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** @returns a source whose `keep` does nothing: the file is its own copy */
export function createFileSource(file: string): SupergraphSource {
  return {
    name: file,
    folder: dirname(file),
    pollMilliseconds: FILE_POLL_MILLISECONDS,
    async read() {
      try {
        return versionOf(await readFile(file, 'utf8'));
      } catch (cause) {
        throw new SecurityError('SUPERGRAPH_INVALID', { detail: `${file} cannot be read`, cause });
      }
    },
    keep: () => Promise.resolve(),
    state: () => 'ok',
  };
}

/** Asks for what is newer than the version that is known. */
export function createUrlSource(options: UrlSourceOptions): SupergraphSource {
  const { url, ask, copyFile, log } = options;
  let isAway = false;
  let known: { readonly version: SupergraphVersion; readonly tag: string | undefined } | undefined;
  return {
    name: hostOf(url),
    folder: dirname(copyFile),
    pollMilliseconds: options.pollMilliseconds,
    async read() {
      try {
        const answer = await ask(known?.tag);
        isAway = false;
        if (answer === 'unchanged' && known !== undefined) return known.version;
        if (answer === 'unchanged') throw new Error('unchanged, without a version to compare with');
        known = { version: versionOf(answer.text), tag: answer.tag };
        return known.version;
      } catch (cause) {
        isAway = true;
        if (known === undefined) {
          const copy = await readFile(copyFile, 'utf8').catch(() => undefined);
          if (copy !== undefined) {
            log.warn('the supergraph cannot be fetched: the last good copy serves', {
              from: hostOf(url),
              error: describeError(cause),
            });
            known = { version: versionOf(copy), tag: undefined };
            return known.version;
          }
        }
        throw new SecurityError('SUPERGRAPH_INVALID', {
          detail: `the supergraph cannot be fetched from ${hostOf(url)}: ${cause instanceof Error ? cause.message : 'failed'}`,
          cause,
        });
      }
    },
    async keep(text) {
      try {
        await mkdir(dirname(copyFile), { recursive: true, mode: FOLDER_MODE });
        await writeFileAtomically(copyFile, text, COPY_MODE);
      } catch (error) {
        log.warn('the copy of the supergraph could not be written', { error: describeError(error) });
      }
    },
    state: () => (isAway ? 'it cannot be fetched: the last good one serves' : 'ok'),
  };
}

function versionOf(text: string): SupergraphVersion {
  return { text, sha256: sha256Hex(text) };
}

/** Paths may hold keys. */
function hostOf(url: string): string {
  return new URL(url).host;
}
