import { afterAll, expect, it } from '@jest/globals';
import { graphql, parse, validate } from 'graphql';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Execute } from '../../../gateway/execute/shared/execution.ts';
import { compiledShare, createCompiledCounts } from '../../support/compiled-share.ts';
import { type Ask, type Federation } from '../../support/federation.ts';
import { createCountedExecutor, createTestExecutor } from '../../support/test-executor.ts';
import { DECORATION_RIGHTS } from '../../support/generated-decoration.ts';
import { damageAnswer } from '../../support/damaged-answer.ts';
import { type GeneratedDocument, generateDocument } from '../../support/generated-document.ts';
import type { Draw } from '../../support/drawn-values.ts';
import { openGeneratedCase } from '../../support/generated-case.ts';
import type { Counter } from '../../support/generated-graph-values.ts';
import { deferSome, mergeParts, sorted } from '../../support/merge-parts.ts';

/** `DIFFERENTIAL_SUPERGRAPHS=100` makes thousands of cases of it. */
const SUPERGRAPHS = Number(process.env['DIFFERENTIAL_SUPERGRAPHS'] ?? 4);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const DOCUMENTS = 40;
const TOLD_EVERY = 10;
/** Made-up documents are harder on it than those of people: most of what falls back reads a context. */
const COMPILED_SHARE = 0.6;

const plain = createTestExecutor({ completion: 'plain' });
const compiled = createTestExecutor({ completion: 'compiled' });
const counts = createCompiledCounts();
const counting = createCountedExecutor(counts);
const counted = { supergraphs: 0, documents: 0, withErrors: 0, damaged: 0, inParts: 0, refused: 0 };

it(
  'entities of all kinds of keys, and fields required, provided, shared and moved, answer as one schema does',
  async () => {
    for (let round = 0; counted.supergraphs < SUPERGRAPHS; round += 1) {
      const opened = openGeneratedCase(SEED, round);
      if (opened === undefined) continue;
      counted.supergraphs += 1;
      const { federation, reference, draw, counter } = opened;
      for (let index = 0; index < DOCUMENTS; index += 1) {
        const document = generateDocument(reference, draw);
        if (validate(reference, parse(document.text)).length > 0) continue;
        const ask = (execute: Execute, more: Ask = {}) => {
          counter.count = 0;
          return askOrRefused(federation, execute, document, more);
        };
        counter.count = 0;
        const { data, errors = [] } = await graphql({
          schema: reference,
          source: document.text,
          variableValues: document.variables,
        });
        const answers = [await ask(plain), await ask(counting)].filter((answer) => answer !== undefined);
        if (answers.length === 0) {
          counted.refused += 1;
          continue;
        }
        const known = { round, ...document };
        const expected = { ...known, data: JSON.stringify(data ?? null), untold: [], unfounded: [] };
        expect(
          answers.map((answer) => ({ ...known, data: answer.data, ...compareErrors(errors, answer) })),
        ).toEqual([expected, expected]);
        counted.documents += 1;
        counted.withErrors += errors.length > 0 ? 1 : 0;
        await compareDamaged(ask, known, index);
        if (errors.length === 0 && index % 3 === 0)
          await compareInParts(federation, document, { known, data, draw, counter });
      }
      if (counted.supergraphs % TOLD_EVERY === 0) tellFigures();
    }
    expect(counted.refused).toBe(0);
    expect(compiledShare(counts.figures())).toBeGreaterThan(COMPILED_SHARE);
  },
  60_000 + SUPERGRAPHS * 20_000,
);

afterAll(tellFigures);

/** At the end, and now and then in a run of many supergraphs. */
function tellFigures(): void {
  const { documents, supergraphs, withErrors, damaged, inParts, refused } = counted;
  process.stdout.write(
    `differential: ${String(documents)} documents x 2 completions over ${String(supergraphs)} generated supergraphs agree, ${String(withErrors)} with errors, ${String(damaged)} of answers that were damaged, ${String(inParts)} in parts; ${String(refused)} could not be planned; ${(100 * compiledShare(counts.figures())).toFixed(1)} % of those that nothing failed for ran compiled\n`,
  );
}

/** There is nothing to compare damaged data with but the other completion, which must find the same in it. */
async function compareDamaged(
  ask: (execute: Execute, more: Ask) => Promise<Answer | undefined>,
  known: object,
  seed: number,
): Promise<void> {
  const damage: NonNullable<Ask['damage']> = (answer, call) => damageAnswer(answer, call, seed);
  const [one, other] = [await ask(plain, { damage }), await ask(compiled, { damage })];
  expect({ ...known, ...other }).toEqual({ ...known, ...one });
  counted.damaged += one !== undefined && one.errors.length > 0 ? 1 : 0;
}

/** Where nothing fails, the parts of an answer add up to the whole. */
async function compareInParts(
  federation: Federation,
  { text, variables }: GeneratedDocument,
  { known, data, draw, counter }: { known: object; data: unknown; draw: Draw; counter: Counter },
): Promise<void> {
  const later = deferSome(parse(text), draw);
  counter.count = 0;
  try {
    const answer = await federation.askInParts(later, { variables, ...DECORATION_RIGHTS });
    if (answer.parts.length > 0) counted.inParts += 1;
    expect({ ...known, later, data: sorted(mergeParts(answer)) }).toEqual({ ...known, later, data: sorted(data ?? null) }); // prettier-ignore
  } catch (error) {
    if (!(error instanceof SecurityError && error.code === 'OPERATION_NOT_PLANNABLE')) throw error;
  }
}

interface Answer {
  readonly data: string;
  readonly errors: readonly { readonly path: Path }[];
}

/** Undefined where the planner finds no way: that is told, and never answered wrongly. */
async function askOrRefused(
  federation: Federation,
  execute: Execute,
  { text, variables }: GeneratedDocument,
  more: Ask,
): Promise<Answer | undefined> {
  try {
    const { text: data, errors } = await federation.ask(execute, text, {
      variables,
      ...DECORATION_RIGHTS,
      ...more,
    });
    return { data, errors: errors as Answer['errors'] };
  } catch (error) {
    if (error instanceof SecurityError && error.code === 'OPERATION_NOT_PLANNABLE') return undefined;
    throw error;
  }
}

type Path = readonly (string | number)[];

/**
 * Each null that something failed for is reported, and what is reported became null. More may be reported than by one schema:
 * a subgraph that fails loses what lies beside as well.
 */
function compareErrors(expected: readonly { readonly path?: Path | undefined }[], answer: Answer) {
  const data: unknown = JSON.parse(answer.data);
  const told = answer.errors.map(({ path }) => path);
  const nulls = expected.map(({ path = [] }) => nullOn(data, path) ?? path);
  const isWithin = (path: Path, above: Path) => above.every((key, index) => path[index] === key);
  return {
    untold: nulls.filter((path) => !told.some((one) => isWithin(path, one) || isWithin(one, path))),
    unfounded: expected.length === 0 ? told : told.filter((path) => nullOn(data, path) === undefined),
  };
}

/** The way to the null, or to the list that may hold it, that lies on the way of a path. */
function nullOn(data: unknown, path: Path): Path | undefined {
  let value = data;
  for (const [depth, key] of path.entries()) {
    if (value === null) return path.slice(0, depth);
    if (value === undefined) return undefined; // the answer is another one: it is shown beside the expected
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value === null || Array.isArray(value) ? path : undefined;
}
