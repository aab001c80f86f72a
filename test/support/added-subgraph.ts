import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { deploymentEnvironment, runAduana } from './running-deployment.ts';

const CONFIG = fileURLToPath(new URL('../../gateway/supergraph.yaml', import.meta.url));

export interface AddedSubgraph {
  readonly name: string;
  readonly sdl: string;
  /** Its `aduana` block, but for the audience, which is `leads`. */
  readonly settings?: string;
}

/** A folder's supergraph with one more subgraph, which is to listen on the port that is returned. */
export async function addSubgraph(
  folder: string,
  { name, sdl, settings = '' }: AddedSubgraph,
): Promise<{ readonly environment: Record<string, string>; readonly port: number }> {
  const port = await freePort();
  const schema = join(folder, `${name}.graphql`);
  await writeFile(schema, sdl);
  const own = (await readFile(CONFIG, 'utf8')).replaceAll(
    /file: (\S+)/g,
    (_, file: string) => `file: ${resolve(dirname(CONFIG), file)}`,
  );
  const added = `  ${name}:\n    routing_url: https://localhost:${String(port)}/\n    schema: { file: ${schema} }\n    aduana: { audience: leads${settings} }\n`;
  const environment = {
    SUPERGRAPH_CONFIG: join(folder, 'supergraph.yaml'),
    SUPERGRAPH_SDL: join(folder, 'supergraph.graphql'),
  };
  await writeFile(environment.SUPERGRAPH_CONFIG, `${own.trimEnd()}\n${added}`);
  const { code, stderr, stdout } = await runAduana(
    ['supergraph', 'compose'],
    deploymentEnvironment(folder, environment),
  );
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
  return { environment, port };
}
