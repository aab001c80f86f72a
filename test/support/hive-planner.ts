import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { FetchDataRewrite, PlanNode, QueryPlan } from '@apollo/query-planner';
import { Kind, parse, print, visit } from 'graphql';
import { usedVariables } from '../../gateway/planner/used-variables.ts';

const PEERS = 'bench/peers';

/** `npm ci --prefix bench/peers` installs it. */
export const hasHivePlanner = existsSync(`${PEERS}/node_modules/@graphql-hive/router-query-planner`);

/** What Hive's planner makes of a document: a plan in Apollo's form, or why there is none. */
export type HivePlan =
  | { readonly kind: 'planned'; readonly plan: QueryPlan }
  | { readonly kind: 'refused' | 'aborted'; readonly reason: string };

/** Hive's query planner in a process of its own, started anew where the planner ends it. */
export interface HivePlanner {
  plan(sdl: string, document: string): Promise<HivePlan>;
  close(): void;
}

interface Reply {
  readonly id: number;
  readonly plan?: unknown;
  readonly refusal?: string;
}

export function openHivePlanner(): HivePlanner {
  let child: ChildProcess | undefined;
  let loaded: string | undefined;
  let asked = 0;

  function ask(question: { readonly sdl?: string; readonly document?: string }): Promise<Reply | undefined> {
    const id = (asked += 1);
    const process = (child ??= fork(`${PEERS}/hive-planner.js`, { stdio: 'ignore', execArgv: [] }));
    return new Promise((resolve) => {
      const end = (reply: Reply | undefined) => {
        process.off('message', onMessage);
        process.off('exit', onExit);
        resolve(reply);
      };
      const onMessage = (reply: unknown) => {
        if ((reply as Reply).id === id) end(reply as Reply);
      };
      const onExit = () => {
        if (child === process) [child, loaded] = [undefined, undefined];
        end(undefined);
      };
      process.on('message', onMessage).on('exit', onExit);
      process.send({ id, ...question });
    });
  }

  return {
    async plan(sdl, document) {
      if (loaded !== sdl) {
        const refusal = refusalOf(await ask({ sdl }));
        loaded = refusal === undefined ? sdl : undefined;
        if (refusal !== undefined) return refusal;
      }
      const reply = await ask({ document });
      return refusalOf(reply) ?? { kind: 'planned', plan: inApollosForm(reply?.plan) };
    },
    close() {
      child?.kill();
    },
  };
}

function refusalOf(reply: Reply | undefined): HivePlan | undefined {
  if (reply === undefined) return { kind: 'aborted', reason: 'it ended its process' };
  return reply.refusal === undefined ? undefined : { kind: 'refused', reason: reply.refusal };
}

type Node = Readonly<Record<string, unknown>>;

/** The same plan as our interpreter reads it. */
function inApollosForm(given: unknown): QueryPlan {
  const { node } = (typeof given === 'string' ? JSON.parse(given) : given) as { node?: Node };
  return { kind: 'QueryPlan', ...(node != null && { node: convert(node) }) };
}

function convert(node: Node): PlanNode {
  if (node['kind'] === 'BatchFetch') return convertBatch(node);
  if (node['kind'] === 'Flatten') return convertFlatten(node);
  const children = (node['nodes'] as Node[] | undefined)?.map(convert);
  const below = (key: string) => (node[key] == null ? {} : { [key]: convert(node[key] as Node) });
  const rewrites = (key: string) =>
    node[key] == null ? {} : { [key]: (node[key] as Node[]).map(convertRewrite) };
  return {
    ...node,
    ...(children !== undefined && { nodes: children }),
    ...below('node'),
    ...below('ifClause'),
    ...below('elseClause'),
    ...(node['kind'] === 'Fetch' && { operationKind: node['operationKind'] ?? 'query' }),
    ...rewrites('inputRewrites'),
    ...rewrites('outputRewrites'),
    ...(node['requires'] != null && { requires: (node['requires'] as Node[]).map(convertRequired) }),
  } as unknown as PlanNode;
}

/** Its `alias` is the field's name, and its `name` what the field was fetched as. */
function convertRequired({ name, alias, selections, ...node }: Node): Node {
  return {
    ...node,
    ...(name !== undefined && { name: alias ?? name, ...(alias != null && { alias: name }) }),
    ...(selections != null && { selections: (selections as Node[]).map(convertRequired) }),
  };
}

/** Its `@` stands for lists of lists too: a path without objects at its end asks for nothing. */
function convertFlatten(node: Node): PlanNode {
  const below = convert(node['node'] as Node);
  let paths: readonly string[][] = [[]];
  for (const element of convertPath(node['path'] as unknown[]))
    paths = paths.flatMap((path) =>
      element.startsWith('@')
        ? [
            [...path, element],
            [...path, '@', element],
          ]
        : [[...path, element]],
    );
  return {
    kind: 'Parallel',
    nodes: paths.map((path) => ({ kind: 'Flatten', path, node: below })),
  };
}

interface BatchedEntities extends Node {
  readonly alias: string;
  readonly representationsVariableName: string;
  readonly paths: readonly (readonly unknown[])[];
}

/** Entity fetches that it sends as one, each by itself. */
function convertBatch({ entityBatch, ...node }: Node): PlanNode {
  const { aliases } = entityBatch as { aliases: readonly BatchedEntities[] };
  const nodes = aliases.flatMap(({ alias, representationsVariableName, paths, ...own }) => {
    const operation = selectAlias(String(node['operation']), alias, representationsVariableName);
    const fetch = { ...node, ...own, kind: 'Fetch', operation };
    return paths.map((path) => convert({ kind: 'Flatten', path, node: fetch }));
  });
  return { kind: 'Parallel', nodes };
}

function selectAlias(text: string, alias: string, variable: string): string {
  const document = visit(parse(text, { noLocation: true }), {
    OperationDefinition: ({ selectionSet, ...operation }) => ({
      ...operation,
      selectionSet: {
        ...selectionSet,
        selections: selectionSet.selections.flatMap((one) =>
          one.kind === Kind.FIELD && one.alias?.value === alias ? [{ ...one, alias: undefined }] : [],
        ),
      },
    }),
  });
  const used = usedVariables(
    document.definitions.map((one) => (one.kind === Kind.OPERATION_DEFINITION ? one.selectionSet : one)),
  );
  return print(
    visit(document, {
      VariableDefinition: (one) => (used.has(one.variable.name.value) ? undefined : null),
      Variable: ({ name, ...node }) => ({
        ...node,
        name: { ...name, value: name.value === variable ? 'representations' : name.value },
      }),
    }),
  );
}

/** A cast belongs to the element before it. */
function convertPath(path: readonly unknown[]): string[] {
  const elements: string[] = [];
  for (const segment of path) {
    if (typeof segment === 'string') elements.push(segment);
    else {
      const [[kind, value] = ['', '']] = Object.entries(segment as object) as [string, unknown][];
      if (kind === 'Field') elements.push(String(value));
      else elements.push(`${elements.pop() ?? ''}|[${[value].flat().join(',')}]`);
    }
  }
  return elements;
}

function convertRewrite(rewrite: Node): FetchDataRewrite {
  const [named] = Object.entries(rewrite).filter(([kind]) => ['ValueSetter', 'KeyRenamer'].includes(kind));
  const [kind, { path, ...rest }] = (named ?? [rewrite['kind'], rewrite]) as [string, { path: Node[] }];
  return {
    ...rest,
    kind,
    path: path.map((segment) =>
      'Key' in segment ? segment['Key'] : `... on ${String([Object.values(segment)[0]].flat()[0])}`,
    ),
  } as unknown as FetchDataRewrite;
}
