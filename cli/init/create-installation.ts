import { extractRequirements, type Requirements } from '@aduana/subgraph/graphql/requirements';
import { parse } from 'graphql';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { printCoverage, reportCoverage } from '../../gateway/supergraph/coverage.ts';
import { loadSupergraph } from '../../gateway/supergraph/load-supergraph.ts';
import { type CommandContext, CommandFailure } from '../command-context.ts';
import { importGraph } from './import-graph.ts';
import type { ImportedGraph, ImportedSubgraph } from './imported-graph.ts';
import {
  environmentFile,
  GIT_IGNORE,
  ownSubgraphs,
  READ_ME,
  type StarterFile,
  supergraphYaml,
} from './starter-files.ts';
import { type AskedNames, createStarterPolicies } from './starter-policies.ts';
import { STARTER_GRAPH } from './starter-graph.ts';
import { writeFiles } from './write-files.ts';

export interface InstallationOptions {
  readonly folder: string;
  /** As `--from` names them; empty for a small graph to play with. */
  readonly from: readonly string[];
  readonly isDryRun: boolean;
}

interface Composed {
  readonly sdl: string;
  readonly coverage: readonly string[];
}

/**
 * Writes `supergraph.yaml`, `supergraph.graphql`, `policies/`, `.env`, `.gitignore` and a README, and prints which
 * fields are guarded. Everything is composed and checked before the first file is written.
 *
 * @throws ConfigurationError with every source that cannot be used
 */
export async function createInstallation(
  { folder, from, isDryRun }: InstallationOptions,
  context: CommandContext,
): Promise<void> {
  const starter = from.length === 0 ? STARTER_GRAPH : undefined;
  const graph = starter?.graph ?? (await importGraph(from));
  const own = graph.supergraphSdl === undefined ? await ownSubgraphs() : [];
  const subgraphs = [...own, ...graph.subgraphs];
  const asked = askedNames(graph);
  const policies = await createStarterPolicies(
    graph.subgraphs.map(({ name }) => name),
    asked,
    graph.issuers,
  );
  const composed = compose(graph, subgraphs);
  const files: readonly StarterFile[] = [
    supergraphYaml(subgraphs),
    { path: 'supergraph.graphql', text: composed.sdl },
    ...own.map(({ name, sdl = '' }) => ({ path: `schemas/${name}.graphql`, text: sdl })),
    ...(starter?.files ?? []),
    ...policies.files,
    environmentFile(graph.variables),
    GIT_IGNORE,
    READ_ME,
  ];
  const outcome = await writeFiles(folder, files, isDryRun);
  for (const [path, what] of outcome)
    context.print(`${what === 'written' && isDryRun ? 'would be written' : what.padEnd(13)}  ${path}`);
  report(graph, composed, policies.unusable, context);
  context.print('');
  for (const line of starter?.next ?? NEXT) context.print(line);
}

const NEXT = [
  'Next: give a role of policies/iam_policies.yaml to a service such as bff, then',
  '$ npx aduana policy lint',
  '$ npx aduana up',
];

function report(
  { untaken }: ImportedGraph,
  { coverage }: Composed,
  unusable: readonly string[],
  context: CommandContext,
): void {
  context.print('');
  for (const line of coverage) context.print(line);
  for (const scope of unusable)
    context.print(`the scope ${JSON.stringify(scope)} is no permission: no role can grant it`);
  if (untaken.length > 0) context.print('\nNot taken over:');
  for (const { setting, reason } of untaken) context.print(printable(`  ${setting}: ${reason}`));
}

/** Names in somebody else's file may be anything, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, '?');
}

/** The ports in `${...}` are chosen at start: any number does for them here. */
function compose(graph: ImportedGraph, subgraphs: readonly ImportedSubgraph[]): Composed {
  if (graph.supergraphSdl !== undefined) {
    const { supergraphSchema, requirements } = loadSupergraph(graph.supergraphSdl);
    return {
      sdl: graph.supergraphSdl,
      coverage: printCoverage(reportCoverage(supergraphSchema, requirements)),
    };
  }
  const composition = composeSupergraph(
    subgraphs.map(({ name, url, sdl = '' }) => ({
      name,
      url: url
        .replace(/\$\{STS_PORT\}/, '8011')
        .replace(/\$\{AUDIT_PORT\}/, '8012')
        .replace(/\$\{ADMIN_PORT\}/, '8013'),
      sdl,
      origin: url,
    })),
  );
  if (!composition.ok)
    throw new CommandFailure(
      1,
      [
        ...composition.problems.map(({ where, problem }) => `${where}: ${problem}`),
        `${String(composition.problems.length)} problem(s): nothing was written`,
      ].join('\n'),
    );
  return { sdl: composition.sdl, coverage: printCoverage(composition.report) };
}

/** Scopes and policies that the imported schemas name. */
function askedNames({ subgraphs, supergraphSdl }: ImportedGraph): AskedNames {
  const requirements: readonly Requirements[] =
    supergraphSdl === undefined
      ? subgraphs.flatMap(({ sdl }) => (sdl === undefined ? [] : [extractRequirements(parse(sdl))]))
      : [loadSupergraph(supergraphSdl).requirements];
  const distinct = requirements.flatMap((found) => found.distinct);
  const names = (of: 'scopes' | 'policies'): string[] =>
    [...new Set(distinct.flatMap((requirement) => requirement[of].flat()))].sort();
  return { scopes: names('scopes'), policies: names('policies') };
}
