import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import type { Log } from '@aduana/core/platform/log';
import { Secret } from '@aduana/core/secrets/secret';
import { askByEntityTag, askUplink } from './ask-supergraph.ts';
import { createFileSource, createUrlSource, type SupergraphSource } from './supergraph-source.ts';

export interface SupergraphLocation {
  readonly SUPERGRAPH_SDL: string;
  readonly SUPERGRAPH_GRAPH_REF?: string | undefined;
  readonly ADUANA_HOME: string;
}

export interface SupergraphSourceSettings extends SupergraphLocation {
  readonly SUPERGRAPH_SDL_KEY?: string | undefined;
  readonly SUPERGRAPH_SDL_KEY_FILE?: string | undefined;
  readonly SUPERGRAPH_SDL_KEY_HEADER: string;
  readonly SUPERGRAPH_POLL_INTERVAL: number;
  readonly SUPERGRAPH_MAX_BYTES: number;
  readonly MTLS_MODE: 'permissive' | 'strict';
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether the supergraph comes from a URL rather than a file. */
export function isSupergraphUrl({ SUPERGRAPH_SDL }: Pick<SupergraphLocation, 'SUPERGRAPH_SDL'>): boolean {
  return /^https?:\/\//.test(SUPERGRAPH_SDL);
}

/** The file that holds the supergraph on this machine: its own, or the copy of the last good version from there. */
export function localSupergraphFile(location: SupergraphLocation): string {
  return isSupergraphUrl(location)
    ? join(location.ADUANA_HOME, 'supergraph', `${sha256Hex(nameOf(location))}.graphql`)
    : location.SUPERGRAPH_SDL;
}

/** Variants of one Uplink are supergraphs of their own. */
function nameOf({ SUPERGRAPH_SDL: url, SUPERGRAPH_GRAPH_REF: ref }: SupergraphLocation): string {
  return ref === undefined ? url : `${url} ${ref}`;
}

/** @throws ConfigurationError for a URL that cannot be used, or a key file that cannot be read */
export async function openSupergraphSource(
  settings: SupergraphSourceSettings,
  log: Log,
): Promise<SupergraphSource> {
  if (!isSupergraphUrl(settings)) return createFileSource(settings.SUPERGRAPH_SDL);
  requireUsable(settings);
  const url = settings.SUPERGRAPH_SDL;
  const ref = settings.SUPERGRAPH_GRAPH_REF;
  const asking = {
    url,
    key: await readKey(settings),
    keyHeader: settings.SUPERGRAPH_SDL_KEY_HEADER,
    maxBytes: settings.SUPERGRAPH_MAX_BYTES,
  };
  return createUrlSource({
    url,
    ask: ref === undefined ? askByEntityTag(asking) : askUplink(asking, ref),
    pollMilliseconds: settings.SUPERGRAPH_POLL_INTERVAL,
    copyFile: localSupergraphFile(settings),
    log,
  });
}

function requireUsable(settings: SupergraphSourceSettings): void {
  const problem = problemOf(settings);
  if (problem === undefined) return;
  throw new ConfigurationError([
    {
      subject: 'SUPERGRAPH_SDL',
      problem,
      remedy: 'Name a file, or an https URL and its key in SUPERGRAPH_SDL_KEY_FILE',
    },
  ]);
}

function problemOf(settings: SupergraphSourceSettings): string | undefined {
  const { SUPERGRAPH_SDL: text, SUPERGRAPH_SDL_KEY: key, SUPERGRAPH_SDL_KEY_FILE: file } = settings;
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username + url.password !== '') return 'holds credentials';
  const isPlainAllowed = settings.MTLS_MODE === 'permissive' && LOOPBACK.has(url.hostname);
  if (url.protocol === 'http:' && !isPlainAllowed)
    return 'is plain http, which is for loopback in permissive mode only';
  if (settings.SUPERGRAPH_GRAPH_REF !== undefined && (key ?? file) === undefined)
    return "is asked by Uplink's protocol, which needs the API key of the graph";
  return undefined;
}

async function readKey({
  SUPERGRAPH_SDL_KEY: key,
  SUPERGRAPH_SDL_KEY_FILE: file,
}: SupergraphSourceSettings): Promise<Secret | undefined> {
  if (file === undefined) return key === undefined ? undefined : Secret.of(key);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined || text.trim() === '')
    throw new ConfigurationError([
      {
        subject: 'SUPERGRAPH_SDL_KEY_FILE',
        problem: 'names a file that cannot be read, or is empty',
        remedy: 'Put the key into it and let the user that runs Aduana read it',
      },
    ]);
  return Secret.of(text.trim());
}
