import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readShape } from '../platform/read-shape.ts';
import { parseYaml } from '../platform/yaml-document.ts';
import type { AccessContext } from './access-context.ts';
import type { Engine } from './compile.ts';
import { evaluate } from './evaluate.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import type { Location } from './policy.ts';
import { POLICY_TESTS, type PolicyTestContext, type PolicyTestEntry } from './policy-test-shape.ts';
import { createProblems } from './problems.ts';

/** A decision that the policies must make, and why. */
export interface PolicyTest {
  readonly entry: PolicyTestEntry;
  readonly location: Location;
}

export interface PolicyTestResult {
  readonly name: string;
  readonly location: Location;
  readonly because: string;
  readonly passed: boolean;
  /** `allow` or `deny`, with the rule where one is expected. */
  readonly expected: string;
  readonly actual: string;
}

/**
 * Reads all `*.test.yaml` files of the policies folder.
 *
 * @throws ConfigurationError with every problem that they have
 */
export async function loadPolicyTests(folder: string): Promise<readonly PolicyTest[]> {
  const problems = createProblems((subject) => join(folder, subject));
  const tests: PolicyTest[] = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.test.yaml')).sort()) {
    const document = await problems.attempt(async () =>
      parseYaml(await readFile(join(folder, file), 'utf8'), file),
    );
    if (document === undefined) continue;
    const read = await problems.attempt(async () =>
      Promise.resolve(readShape(POLICY_TESTS, document, 'policies.md')),
    );
    for (const [index, entry] of (read?.tests ?? []).entries())
      tests.push({ entry, location: document.locate(['tests', index]) });
  }
  problems.assertNone();
  return tests;
}

/** Asks the engine each question; a subject without `roles` and `issuer` has those of the service of that id. */
export function runPolicyTests(engine: Engine, tests: readonly PolicyTest[]): readonly PolicyTestResult[] {
  return tests.map(({ entry, location }) => {
    const { given, expect, because } = entry;
    const { subject = '', issuer } = given;
    const request = {
      subject,
      issuer,
      roles: given.roles ?? rolesOf(engine, subject, issuer),
      context: toAccessContext(given.context ?? {}),
    };
    const asked = given.action ?? given.policy ?? '';
    const decision =
      given.policy === undefined
        ? evaluate(engine, { ...request, action: asked })
        : { ...evaluatePolicy(engine, asked, request), rule: undefined };
    const actual = { effect: decision.effect, rule: decision.rule };
    const expected = typeof expect === 'string' ? { effect: expect, rule: undefined } : expect;
    return {
      name: entry.name ?? `${subject === '' ? (given.roles ?? []).join('+') : subject}: ${asked}`,
      location,
      because,
      passed:
        actual.effect === expected.effect && (expected.rule === undefined || actual.rule === expected.rule),
      expected: describe(expected),
      actual: describe(actual),
    };
  });
}

/** The roles of a registered service; a user has none of its own. */
export function rolesOf(engine: Engine, subject: string, issuer: string | undefined): readonly string[] {
  return issuer === undefined ? (engine.services.get(subject)?.roles ?? []) : [];
}

function describe({ effect, rule }: { readonly effect: string; readonly rule: string | undefined }): string {
  return rule === undefined ? effect : `${effect} by ${rule}`;
}

/** The context of a question as policy files write it. */
export function toAccessContext(context: PolicyTestContext): AccessContext {
  const members = {
    time: context.time,
    address: context.address,
    mtls: context.mtls,
    spiffeId: context.spiffe_id,
    subjectAltNames: context.subject_alt_names,
    authenticationMethod: context.authentication_method,
    proofOfPossession: context.proof_of_possession,
    actors: context.actors,
    environment: context.environment,
    acr: context.acr,
    authTime: context.auth_time,
    rates: context.within_rates && new Map(Object.entries(context.within_rates)),
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
