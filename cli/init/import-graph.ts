import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { load } from 'js-yaml';
import { readSdl } from '../../gateway/supergraph/read-subgraphs.ts';
import { loadSupergraph } from '../../gateway/supergraph/load-supergraph.ts';
import { asMembers } from './foreign-settings.ts';
import { importGateway } from './foreign-gateway.ts';
import { HIVE_GATEWAY } from './import-hive.ts';
import { APOLLO_ROUTER } from './import-router.ts';
import { EMPTY_GRAPH, type ImportedGraph, type ImportedSubgraph } from './imported-graph.ts';

const SUBGRAPH = /^([A-Za-z][A-Za-z0-9_-]{0,127})=(https?:\/\/.+)$/;
const ROUTER_MEMBERS = [
  'override_subgraph_url',
  'traffic_shaping',
  'include_subgraph_errors',
  'headers',
  'limits',
  'telemetry',
  'authorization',
  'authentication',
  'sandbox',
  'homepage',
  'health_check',
  'coprocessor',
  'rhai',
];
const OWN = new Set(['sts', 'audit', 'admin']);

/**
 * Reads what `--from` names: subgraphs as `name=URL`, a composed supergraph (`.graphql`), or the YAML of an Apollo
 * Router or a Hive Gateway beside such a supergraph.
 *
 * @throws ConfigurationError with every source that cannot be used
 */
export async function importGraph(sources: readonly string[]): Promise<ImportedGraph> {
  const named = sources.flatMap((source) => (SUBGRAPH.test(source) ? source.split(',') : []));
  const files = sources.filter((source) => !SUBGRAPH.test(source));
  const sdlFiles = files.filter((file) => /\.(graphql|graphqls|gql)$/.test(file));
  const yamlFiles = files.filter((file) => /\.ya?ml$/.test(file));
  const unknown = files.filter((file) => !sdlFiles.includes(file) && !yamlFiles.includes(file));
  if (unknown.length > 0)
    throw problem(
      unknown.join(', '),
      'is neither name=URL nor a .graphql or .yaml file',
      'Write --from products=http://localhost:4001/graphql, --from supergraph.graphql or --from router.yaml',
    );
  if (sdlFiles.length > 1)
    throw problem(sdlFiles.join(', '), 'are two supergraphs', 'Name one composed supergraph');
  const [sdlFile] = sdlFiles;
  const subgraphs = await importSubgraphs(named);
  const composed = sdlFile === undefined ? EMPTY_GRAPH : await importSupergraph(sdlFile);
  const graph: ImportedGraph = {
    ...composed,
    subgraphs: [...composed.subgraphs, ...subgraphs],
  };
  if (sdlFile !== undefined && subgraphs.length > 0)
    throw problem(
      sdlFile,
      'is composed already, and subgraphs are named beside it',
      'Name the subgraphs alone, or the supergraph alone',
    );
  let imported = graph;
  for (const file of yamlFiles) imported = merge(imported, await importConfiguration(file, imported));
  return imported;
}

function merge(graph: ImportedGraph, other: ImportedGraph): ImportedGraph {
  return {
    subgraphs: other.subgraphs,
    supergraphSdl: graph.supergraphSdl,
    variables: [...graph.variables, ...other.variables],
    issuers: [...graph.issuers, ...other.issuers],
    untaken: [...graph.untaken, ...other.untaken],
  };
}

async function importSubgraphs(named: readonly string[]): Promise<readonly ImportedSubgraph[]> {
  const seen = new Set<string>();
  const problems: ConfigurationError[] = [];
  const subgraphs = await Promise.all(
    named.map(async (text): Promise<ImportedSubgraph | undefined> => {
      const [, name = '', url = ''] = SUBGRAPH.exec(text) ?? [];
      if (seen.has(name) || OWN.has(name)) {
        problems.push(
          problem(
            `--from ${name}`,
            OWN.has(name) ? 'is the name of a subgraph of Aduana' : 'is named twice',
            'Give each subgraph a name of its own',
          ),
        );
        return undefined;
      }
      seen.add(name);
      if (!URL.canParse(url) || new URL(url).password !== '' || new URL(url).username !== '') {
        problems.push(
          problem(
            `--from ${name}`,
            'has no usable URL',
            'Write http(s)://host:port/path, without credentials',
          ),
        );
        return undefined;
      }
      try {
        const sdl = await readSdl({ subgraphUrl: url });
        return { name, url, schema: { subgraph_url: url }, sdl, settings: {} };
      } catch (error) {
        problems.push(
          problem(
            `--from ${name}`,
            `does not answer { _service { sdl } } at ${url}: ${error instanceof Error ? error.message : 'failed'}`,
            'Start the subgraph, check its URL, and make it a federation subgraph',
          ),
        );
        return undefined;
      }
    }),
  );
  if (problems.length > 0) throw new ConfigurationError(problems.flatMap((error) => error.problems));
  return subgraphs.filter((subgraph) => subgraph !== undefined);
}

async function importSupergraph(file: string): Promise<ImportedGraph> {
  const sdl = await readText(file);
  let subgraphs: ReturnType<typeof loadSupergraph>['subgraphs'];
  try {
    ({ subgraphs } = loadSupergraph(sdl));
  } catch (error) {
    const { detail } = error as { detail?: unknown };
    throw problem(
      file,
      `is no supergraph that can be served: ${typeof detail === 'string' ? detail : 'it does not load'}`,
      'Name the SDL that `rover supergraph compose` or your registry gives out',
    );
  }
  // In `supergraph.yaml` it would stand for a variable: what is secret here would be sent there.
  const expanding = [...subgraphs.values()].find(({ url }) => url.includes('${'));
  if (expanding !== undefined)
    throw problem(
      file,
      `has a URL with \`\${\` in it: ${expanding.name}`,
      'Write its address into the supergraph',
    );
  return {
    ...EMPTY_GRAPH,
    supergraphSdl: sdl,
    subgraphs: [...subgraphs.values()].map(({ name, url }) => ({
      name: name.replaceAll(/[^A-Za-z0-9_-]/g, '-'),
      url,
      schema: undefined,
      sdl: undefined,
      settings: {},
    })),
  };
}

async function importConfiguration(file: string, graph: ImportedGraph): Promise<ImportedGraph> {
  let configuration: unknown;
  try {
    configuration = load(await readText(file), { filename: basename(file) });
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    const { reason } = error as { reason?: unknown };
    throw problem(file, `is not valid YAML: ${String(reason)}`, 'Correct its syntax');
  }
  if (graph.subgraphs.length === 0)
    throw problem(
      file,
      'does not say which subgraphs there are',
      `Name the supergraph as well: --from ${file} --from supergraph.graphql`,
    );
  const members = asMembers(configuration);
  const supergraph = members['supergraph'];
  const isRouter =
    (typeof supergraph === 'object' && supergraph !== null && !('type' in supergraph)) ||
    ROUTER_MEMBERS.some((name) => Object.hasOwn(members, name));
  return importGateway(isRouter ? APOLLO_ROUTER : HIVE_GATEWAY, configuration, graph.subgraphs);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw problem(file, 'cannot be read', 'Name a file that exists and that you may read');
  }
}

function problem(subject: string, text: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem: text, remedy }]);
}
