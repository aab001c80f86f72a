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
      const origin = 'file' in schema ? schema.file : schema.subgraphUrl;
      try {
        return { name, url, origin, sdl: await readSdl(settings) };
      } catch {
        problems.push({
          subject: `subgraph ${name}`,
          problem: `its schema cannot be read from ${origin}`,
          remedy: 'Name a file; a subgraph of the house tells its schema to nobody',
        });
        return undefined;
      }
    }),
  );
  if (problems.length > 0) throw new ConfigurationError(problems);
  return sources.filter((source) => source !== undefined);
}

async function readSdl({ schema }: SubgraphSettings): Promise<string> {
  if ('file' in schema) return readFile(schema.file, 'utf8');
  const { statusCode, body } = await request(schema.subgraphUrl, {
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
  const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
    data?: { _service?: { sdl?: unknown } };
  };
  const sdl = answer.data?._service?.sdl;
  if (typeof sdl !== 'string') throw new Error('answered no SDL');
  return sdl;
}
