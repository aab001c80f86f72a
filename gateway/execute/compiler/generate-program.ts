/** Execute, compiler, code generation: the whole source text, and the functions made of it. */

import type { GraphQLSchema } from 'graphql';
import { isShallow } from '../shared/is-leaf-value.ts';
import { refuseResponseSize } from '../shared/response-size.ts';
import type { ObjectShape } from '../shared/response-shape.ts';
import { answerPositions } from './answer-positions.ts';
import type { FetchStep } from '../shared/plan-steps.ts';
import { representationValue } from '../shared/entity-representation.ts';
import { generateRepresentations } from './generate-representations.ts';
import { generateWriter } from './generate-writer.ts';
import { getOwn } from '../shared/json-object.ts';
import type { ProgramState } from '../shared/program-state.ts';
import { type RepresentationKeys, representationKeys } from './representation-keys.ts';
import { serializeString } from './serialize-string.ts';

/** Generated code for one plan and one answer; each function throws `FAST_PATH_MISMATCH` where the data is not as planned. */
export interface Program {
  /** By fetch, the texts of the representations to send. */
  readonly representations: ReadonlyMap<FetchStep, (state: ProgramState) => readonly string[]>;
  /** The JSON text of `data`. */
  readonly write: (state: ProgramState) => string;
}

/** Thrown by a program: the plain way then has to look at the data closely. */
export const FAST_PATH_MISMATCH = new Error('The data is not as planned');

/**
 * Generates code from a plan and a schema, never from values. Undefined where the answer is not fixed enough for it,
 * or where the process forbids code from strings.
 *
 * @param levels the plan's fetches, by what they wait for
 */
export function generateProgram(
  schema: GraphQLSchema,
  shape: ObjectShape,
  levels: readonly (readonly FetchStep[])[],
): Program | undefined {
  const steps = levels.flat().sort((a, b) => a.index - b.index);
  const positions = answerPositions(schema, steps);
  if (positions === undefined) return undefined;
  const levelOf = new Map(levels.flatMap((level, number) => level.map((step) => [step, number] as const)));
  const keys = representationKeys(schema, positions, levelOf);
  const tables: unknown[] = [];
  const writer = keys && generateWriter(schema, shape, positions, keys, tables);
  if (keys === undefined || writer === undefined) return undefined;
  const source = [
    "'use strict';",
    ...keys.map((one) => generateRepresentations(one, keys, schema, tables)),
    writer,
    `return { representations: [${keys.map(({ id }) => `represent${String(id)}`).join(',')}], write };`,
  ].join('\n');
  return instantiate(source, keys, tables);
}

function instantiate(
  source: string,
  keys: readonly RepresentationKeys[],
  tables: readonly unknown[],
): Program | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- of the plan alone; every name in it is a JSON text
    const create = new Function(
      'tables',
      'own',
      'text',
      'representationValue',
      'refuseResponseSize',
      'isShallow',
      'FAST_PATH_MISMATCH',
      source,
    ) as (...given: unknown[]) => {
      representations: ((state: ProgramState) => readonly string[])[];
      write: (state: ProgramState) => string;
    };
    const { representations, write } = create(
      tables,
      getOwn,
      serializeString,
      representationValue,
      refuseResponseSize,
      isShallow,
      FAST_PATH_MISMATCH,
    );
    const byStep = new Map<FetchStep, (state: ProgramState) => readonly string[]>();
    for (const { id, steps } of keys)
      for (const step of steps) {
        const represent = representations[id];
        if (represent !== undefined) byStep.set(step, represent);
      }
    return { representations: byStep, write };
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}
