import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { SecurityError } from '@aduana/core/errors/security-error';
import { buildSchema, type GraphQLSchema, parse, print, Source } from 'graphql';
import { findErrors } from '../documents/find-errors.ts';
import { createThreadCpu } from '../limits/thread-cpu.ts';
import { createFindPlan } from '../planner/operation-planner.ts';
import { type ReadSupergraph, readSupergraph } from '../supergraph/load-supergraph.ts';
import type { ThreadAnswer, ThreadJob, ThreadReady, ThreadSchemas, ThreadStart } from './thread-messages.ts';

/** Behind the thread that answers requests, where both want the same CPU. */
const NICER_BY = 10;
const VIEWS_KEPT = 8;

const port = parentPort;
if (port === null) throw new TypeError('This file is the code of a thread');

try {
  const { sdl, sendsSchemas, ...options } = workerData as ThreadStart;
  const read = readSupergraph(sdl, options);
  const answer = createAnswer(read);
  port.on('message', (job: ThreadJob) => {
    port.postMessage(answer(job));
  });
  send({ kind: 'ready', schemas: sendsSchemas ? schemasOf(read) : undefined });
  // Not before: a start waits for this thread. On Linux this is of the thread alone; elsewhere it would be of the process.
  if (process.platform === 'linux')
    setPriority(Math.min(constants.priority.PRIORITY_LOW, getPriority() + NICER_BY));
} catch (error) {
  send({ kind: 'failed', ...describe(error) });
}

function send(message: ThreadReady): void {
  port?.postMessage(message);
}

function createAnswer({ planners, apiSchema }: ReadSupergraph): (job: ThreadJob) => ThreadAnswer {
  const findPlan = createFindPlan(planners);
  const views = new Map<string, GraphQLSchema>();
  const cpu = createThreadCpu();

  /** The views that were asked for last. */
  function viewOf(sdl: string): GraphQLSchema {
    const view = views.get(sdl) ?? buildSchema(sdl, { assumeValid: true, assumeValidSDL: true });
    views.delete(sdl);
    views.set(sdl, view);
    for (const key of views.keys()) if (views.size > VIEWS_KEPT) views.delete(key);
    return view;
  }

  function carryOut(job: ThreadJob): unknown {
    if (job.kind === 'plan')
      return findPlan({ document: parse(job.text, { noLocation: true }), overrides: job.overrides });
    const source = new Source(job.text);
    const schema = job.viewSdl === undefined ? apiSchema : viewOf(job.viewSdl);
    return findErrors(schema, parse(source), source, job.maxErrors).map(({ message, positions }) => ({
      message,
      positions,
    }));
  }

  return (job) => {
    const before = cpu();
    try {
      const value = carryOut(job);
      return { kind: 'done', value, milliseconds: cpu() - before };
    } catch (error) {
      return { kind: 'refused', ...describe(error), milliseconds: cpu() - before };
    }
  };
}

function schemasOf({ hash, sdl, requirements, urls, planners, apiSchema }: ReadSupergraph): ThreadSchemas {
  const { supergraphSchema } = planners;
  return { hash, sdl, requirements, urls, apiSdl: sdlOf(apiSchema), supergraphSdl: sdlOf(supergraphSchema) };
}

/** With its directives, which `printSchema` leaves out. */
function sdlOf(schema: GraphQLSchema): string {
  const definitions = [schema, ...Object.values(schema.getTypeMap()), ...schema.getDirectives()].flatMap(
    ({ astNode, extensionASTNodes = [] }: SchemaElement) => [
      ...(astNode == null ? [] : [astNode]),
      ...extensionASTNodes,
    ],
  );
  return definitions.map((node) => print(node)).join('\n');
}

interface SchemaElement {
  readonly astNode?: Parameters<typeof print>[0] | null | undefined;
  readonly extensionASTNodes?: readonly Parameters<typeof print>[0][];
}

function describe(error: unknown): Pick<Extract<ThreadAnswer, { kind: 'refused' }>, 'code' | 'detail'> {
  return error instanceof SecurityError
    ? { code: error.code, detail: error.detail ?? error.message }
    : { code: undefined, detail: error instanceof Error ? error.message : String(error) };
}
