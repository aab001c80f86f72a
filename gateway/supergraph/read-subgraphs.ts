import { readFile } from 'node:fs/promises';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import { request } from 'undici';
import type { SubgraphSource } from './compose-supergraph.ts';
import type { SubgraphSettings, SupergraphConfig } from './supergraph-config.ts';

const TIMEOUT_MS = 5_000;
const SDL_LIMIT_BYTES = 10_485_760;
const SDL_QUERY = JSON.stringify({ query: '{ _service { sdl } }' });

/**
 * Reads the SDL of every subgraph, from its file or from the subgraph itself.
 *
 * @throws ConfigurationError with every SDL that cannot be read
 */
export async function readSubgraphs({ subgraphs }: SupergraphConfig): Promise<readonly SubgraphSource[]> {
  const problems: ConfigurationProblem[] = [];
  const sources = await Promise.all(
    [...subgraphs.values()].map(async (settings): Promise<SubgraphSource | undefined> => {
      const { name, url, schema } = settings;
      if (schema === undefined) {
        problems.push({
          subject: `subgraph ${name}`,
          problem: 'it has no `schema`, and composing needs one',
          remedy: 'Name its file or subgraph_url, or serve the supergraph that came composed as it is',
        });
        return undefined;
      }
      const origin = 'file' in schema ? schema.file : schema.subgraphUrl;
      try {
        return { name, url, origin, sdl: await readSchema(schema) };
      } catch {
        problems.push({
          subject: `subgraph ${name}`,
          problem: `its schema cannot be read from ${origin}`,
          remedy: 'Name a file; a subgraph of the deployment shows its schema to nobody',
        });
        return undefined;
      }
    }),
  );
  if (problems.length > 0) throw new ConfigurationError(problems);
  return sources.filter((source) => source !== undefined);
}

function readSchema(schema: NonNullable<SubgraphSettings['schema']>): Promise<string> {
  return 'file' in schema ? readFile(schema.file, 'utf8') : readSdl(schema);
}

/**
 * Asks a subgraph for its SDL (`{ _service { sdl } }`, Apollo Federation subgraph specification).
 *
 * @throws Error with a reason that holds nothing of the answer
 */
export async function readSdl({ subgraphUrl }: { readonly subgraphUrl: string }): Promise<string> {
  const { statusCode, body } = await request(subgraphUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: SDL_QUERY,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`answered ${String(statusCode)}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > SDL_LIMIT_BYTES) throw new Error('answered without end');
    chunks.push(bytes);
  }
  const sdl = sdlOf(Buffer.concat(chunks).toString('utf8'));
  if (typeof sdl !== 'string') throw new Error('answered no SDL');
  return sdl;
}

function sdlOf(answer: string): unknown {
  try {
    return (JSON.parse(answer) as { data?: { _service?: { sdl?: unknown } } } | null)?.data?._service?.sdl;
  } catch {
    return undefined;
  }
}
