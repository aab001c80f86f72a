import { afterAll, expect, it } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { QueryPlan } from '@apollo/query-planner';
import { type DocumentNode, graphql, parse, print, validate } from 'graphql';
import { createTestExecutor } from '../../support/test-executor.ts';
import { describeWith } from '../../support/foreign-parts.ts';
import { type GeneratedCase, openGeneratedCase } from '../../support/generated-case.ts';
import { DECORATION_RIGHTS } from '../../support/generated-decoration.ts';
import { type GeneratedDocument, generateDocument } from '../../support/generated-document.ts';
import { hasHivePlanner, openHivePlanner } from '../../support/hive-planner.ts';

/** `npm run bench:planners` takes more of them. */
const SUPERGRAPHS = Number(process.env['DIFFERENTIAL_SUPERGRAPHS'] ?? 2);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const DOCUMENTS = 40;

const execute = createTestExecutor();
const counted = { documents: 0, ours: 0, theirs: 0 };
/** Why theirs is not the right answer: how often, and one document. */
const reasons = new Map<string, { times: number; readonly example: string }>();

describeWith('npm ci --prefix bench/peers', hasHivePlanner, "Hive's planner as a third judge", () => {
  const hive = openHivePlanner();

  afterAll(() => {
    hive.close();
    const { documents, ours, theirs } = counted;
    process.stdout.write(
      `planners: of ${String(documents)} documents, Apollo's plans answer ${String(ours)} as one schema does, Hive's ${String(theirs)}\n`,
    );
    for (const [reason, { times, example }] of [...reasons].sort(
      ([, one], [, other]) => other.times - one.times,
    ))
      process.stdout.write(`  ${String(times)} x ${reason}: ${example}\n`);
  });

  it(
    'finds no document that our plans answer wrongly',
    async () => {
      for (let round = 0, done = 0; done < SUPERGRAPHS; round += 1) {
        const opened = openGeneratedCase(SEED, round);
        if (opened === undefined) continue;
        done += 1;
        const { sdl } = opened.federation.supergraph;
        const byHive = async (document: DocumentNode) => {
          const found = await hive.plan(sdl, print(document));
          if (found.kind === 'planned') return found.plan;
          throw new NoPlan(`${found.kind}, ${found.reason}`);
        };
        for (let index = 0; index < DOCUMENTS; index += 1) {
          const document = generateDocument(opened.reference, opened.draw);
          const expected = await expectedAnswer(opened, document);
          if (expected === undefined) continue;
          counted.documents += 1;
          const ours = await answer(opened, document);
          expect({ round, ...document, ...ours }).toEqual({ round, ...document, data: expected });
          counted.ours += 1;
          const theirs = await answer(opened, document, byHive);
          if (theirs.data === expected) counted.theirs += 1;
          else
            note(
              theirs.failure ?? 'answered otherwise, without an error',
              `seed ${String(SEED)}, round ${String(round)}, ${document.text}`,
            );
        }
      }
    },
    120_000 + SUPERGRAPHS * 30_000,
  );
});

/** Undefined for a document that is not valid, or for which something fails: what is lost beside it is the plan's. */
async function expectedAnswer(
  { reference, counter }: GeneratedCase,
  { text, variables }: GeneratedDocument,
): Promise<string | undefined> {
  if (validate(reference, parse(text)).length > 0) return undefined;
  counter.count = 0;
  const { data, errors } = await graphql({ schema: reference, source: text, variableValues: variables });
  return errors === undefined ? JSON.stringify(data) : undefined;
}

class NoPlan extends Error {}

async function answer(
  { federation, counter }: GeneratedCase,
  { text, variables }: GeneratedDocument,
  plan?: (document: DocumentNode) => Promise<QueryPlan>,
): Promise<{ readonly data?: string; readonly failure?: string }> {
  counter.count = 0;
  try {
    const ask = { variables, ...DECORATION_RIGHTS, ...(plan !== undefined && { plan }) };
    const { text: data, errors } = await federation.ask(execute, text, ask);
    const [error] = errors as { extensions: { code: string } }[];
    if (plan !== undefined && readsContext(text))
      return { data, failure: 'read no context: it does not know @fromContext' };
    return error === undefined ? { data } : { data, failure: `answered with ${error.extensions.code}` };
  } catch (error) {
    if (!(error instanceof NoPlan || error instanceof SecurityError || error instanceof TypeError))
      throw error;
    const { message } = error;
    return { failure: message.replaceAll(/'[^']*'|\[[^\]]*\]/g, '_').replace(/type \w+$/, 'type _') };
  }
}

/** The generated fields that take arguments from a context. */
function readsContext(text: string): boolean {
  return /\bc[vwr]\b/.test(text);
}

function note(reason: string, example: string): void {
  const known = reasons.get(reason);
  if (known === undefined)
    reasons.set(reason, { times: 1, example: example.replaceAll(/\s+/g, ' ').slice(0, 400) });
  else known.times += 1;
}
