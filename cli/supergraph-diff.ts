import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import {
  diffSupergraphs,
  type RoleRights,
  type SupergraphDiff,
} from '../gateway/supergraph/diff-supergraphs.ts';
import { loadSupergraph } from '../gateway/supergraph/load-supergraph.ts';
import type { LoadedSupergraph } from '../gateway/supergraph/loaded-supergraph.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type FolderOptions, policiesFolder } from './policies-folder.ts';

export interface SupergraphDiffOptions extends FolderOptions {
  readonly format: 'text' | 'markdown' | 'json';
  readonly exitCode?: true;
}

const EXIT_CHANGES = 1;

/** What a new supergraph changes for which role: exit 1 with `--exit-code` where a role wins or a guard is lost. */
export async function printSupergraphDiff(
  files: { readonly before: string; readonly after: string },
  options: SupergraphDiffOptions,
  context: CommandContext,
): Promise<void> {
  const engine = compile(await loadPolicies(policiesFolder(options, context)));
  const diff = diffSupergraphs(await read(files.before), await read(files.after), mostRights(engine));
  const lines =
    options.format === 'json'
      ? [JSON.stringify(diff, null, 2)]
      : options.format === 'markdown'
        ? toMarkdown(diff)
        : toText(diff);
  for (const line of lines) context.print(line);
  const opens = diff.newlyUnguarded.length > 0 || diff.roles.some(({ won }) => won.length > 0);
  if (options.exitCode === true && opens) throw new CommandFailure(EXIT_CHANGES, '');
}

/** The most that holders of each role can do: every scope that it can be granted, every policy that is not for other roles. */
function mostRights(engine: Engine): readonly RoleRights[] {
  return [...engine.roles].map(([role, { held }]) => {
    const scopes = new Set(grantableScopes(engine, [role]));
    return {
      role,
      rights: {
        authenticated: true,
        holdsScope: (scope) => scopes.has(scope),
        holdsPolicy: (name) => {
          const roles = engine.policies.get(name)?.policy.roles;
          return roles !== undefined && (roles.length === 0 || roles.some((wanted) => held.has(wanted)));
        },
      },
    };
  });
}

async function read(file: string): Promise<LoadedSupergraph> {
  const sdl = await readFile(file, 'utf8').catch(() => undefined);
  if (sdl === undefined)
    throw new ConfigurationError([
      { subject: file, problem: 'cannot be read', remedy: 'Name a composed supergraph' },
    ]);
  try {
    return loadSupergraph(sdl);
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    throw new ConfigurationError([
      { subject: file, problem: error.detail ?? error.message, remedy: 'Name a composed supergraph' },
    ]);
  }
}

const TITLES = [
  ['added', 'new fields'],
  ['removed', 'fields that are gone'],
  ['newlyUnguarded', 'NEWLY UNGUARDED: no directive guards them'],
] as const;

function toText({ roles, changed, ...lists }: SupergraphDiff): string[] {
  const lines = [
    ...TITLES.flatMap(([name, title]) =>
      lists[name].length === 0 ? [] : [`${title}:`, ...lists[name].map((coordinate) => `  ${coordinate}`)],
    ),
    ...(changed.length === 0 ? [] : ['requirements that changed:']),
    ...changed.map(({ coordinate, before, after }) => `  ${coordinate}: ${before} -> ${after}`),
    ...roles.flatMap(({ role, won, lost }) => [
      `the role ${role}:`,
      ...won.map((coordinate) => `  + ${coordinate}`),
      ...lost.map((coordinate) => `  - ${coordinate}`),
    ]),
  ];
  return lines.length === 0 ? ['nothing changes for anybody'] : lines;
}

function toMarkdown({ roles, changed, ...lists }: SupergraphDiff): string[] {
  const lines = ['## What this supergraph changes', ''];
  if (toText({ roles, changed, ...lists })[0] === 'nothing changes for anybody')
    return [...lines, 'Nothing changes for anybody.'];
  for (const [name, title] of TITLES)
    if (lists[name].length > 0)
      lines.push(`**${title}**`, '', ...lists[name].map((coordinate) => `- \`${coordinate}\``), '');
  if (changed.length > 0)
    lines.push(
      '| field | before | after |',
      '| --- | --- | --- |',
      ...changed.map(
        ({ coordinate, before, after }) =>
          `| \`${coordinate}\` | ${requirementCell(before)} | ${requirementCell(after)} |`,
      ),
      '',
    );
  if (roles.length > 0)
    lines.push(
      '| role | wins | loses |',
      '| --- | --- | --- |',
      ...roles.map(({ role, won, lost }) => `| ${role} | ${listed(won)} | ${listed(lost)} |`),
    );
  return lines;
}

/** As code, in which nothing is a link; a requirement's OR is written with the bar that separates cells. */
function requirementCell(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function listed(coordinates: readonly string[]): string {
  return coordinates.map((coordinate) => `\`${coordinate}\``).join(', ') || '-';
}
