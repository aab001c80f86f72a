import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { diffDecisions, everyQuestion, type Question } from '@aduana/server-kit/iam/diff';
import { lint } from '@aduana/server-kit/iam/lint';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import type { Sources } from '@aduana/server-kit/iam/policy';
import { loadPolicyTests, rolesOf, runPolicyTests } from '@aduana/server-kit/iam/policy-tests';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type FolderOptions, policiesFolder } from './policies-folder.ts';

const EXIT_FINDINGS = 1;

/** Errors of the policy files, and what is probably not meant. */
export async function lintPolicies(options: FolderOptions, context: CommandContext): Promise<void> {
  const folder = policiesFolder(options, context);
  const sources = await readOrTell(folder, context);
  const findings = lint(sources, context.clock.now());
  for (const { location, message, code } of findings)
    context.print(`${folder}/${location}: ${message} (${code})`);
  // Another folder than that of the deployment may be meant for another supergraph.
  const missing = options.policies === undefined ? await missingServices(sources, context) : [];
  for (const { problem, remedy } of missing) context.print(`${problem}. ${remedy}`);
  const count = findings.length + missing.length;
  if (count > 0) throw new CommandFailure(EXIT_FINDINGS, `${String(count)} finding(s)`);
  context.print(
    `${folder}: ${String(sources.roles.size)} roles, ${String(sources.services.size)} services, no findings`,
  );
}

/** Subgraphs that the policies do not know. */
async function missingServices(sources: Sources, { environment }: CommandContext) {
  const { loadConfig } = await import('@aduana/server-kit/config/load-config');
  const { GATEWAY_SETTINGS } = await import('../gateway/config.ts');
  const { findUnregisteredSubgraphs } = await import('./unregistered-subgraphs.ts');
  return findUnregisteredSubgraphs(loadConfig(GATEWAY_SETTINGS, environment), sources.services, environment);
}

async function readOrTell(folder: string, context: CommandContext): Promise<Sources> {
  try {
    const sources = await loadPolicies(folder);
    await loadPolicyTests(folder);
    return sources;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const { subject, problem, remedy } of error.problems)
      context.print(`${subject}: ${problem}. ${remedy}`);
    throw new CommandFailure(EXIT_FINDINGS, `${String(error.problems.length)} error(s)`);
  }
}

/** Runs the tests beside the policies. */
export async function testPolicies(options: FolderOptions, context: CommandContext): Promise<void> {
  const folder = policiesFolder(options, context);
  const engine = compile(await readOrTell(folder, context));
  const results = runPolicyTests(engine, await loadPolicyTests(folder));
  for (const { passed, location, name, expected, actual, because } of results)
    context.print(
      passed
        ? `ok      ${location}  ${name}: ${actual}`
        : `FAILED  ${location}  ${name}: expected ${expected}, got ${actual}, although ${because}`,
    );
  const failed = results.filter(({ passed }) => !passed).length;
  context.print(`${String(results.length - failed)} of ${String(results.length)} policy tests passed`);
  if (failed > 0) throw new CommandFailure(EXIT_FINDINGS, '');
}

export interface DiffOptions extends FolderOptions {
  readonly corpus?: string;
  readonly exitCode?: true;
}

/** Which decisions another folder would change. */
export async function diffPolicies(
  other: string,
  options: DiffOptions,
  context: CommandContext,
): Promise<void> {
  const before = compile(await readOrTell(policiesFolder(options, context), context));
  const after = compile(await readOrTell(other, context));
  const questions =
    options.corpus === undefined
      ? everyQuestion(before, after, { time: context.clock.now() })
      : await readCorpus(options.corpus, before);
  const changes = diffDecisions(before, after, questions);
  for (const { question, before: was, after: is } of changes) {
    const asked = question.action ?? `policy ${question.policy ?? ''}`;
    context.print(
      `${question.subject}: ${asked}: ${was.effect} (${was.location ?? was.reason}) -> ${is.effect} (${is.location ?? is.reason})`,
    );
  }
  context.print(`${String(changes.length)} of ${String(questions.length)} decisions change`);
  if (options.exitCode === true && changes.length > 0) throw new CommandFailure(EXIT_FINDINGS, '');
}

async function readCorpus(file: string, engine: Engine): Promise<readonly Question[]> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandFailure(
      EXIT_FINDINGS,
      `${file} cannot be read: --corpus must name a file of JSON Lines`,
    );
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const question = parseQuestion(line);
    if (question === undefined)
      throw new CommandFailure(
        EXIT_FINDINGS,
        `${file}:${String(index + 1)}: this line is not a question as JSON`,
      );
    const { subject, issuer } = question;
    return { ...question, roles: question.roles ?? rolesOf(engine, subject, issuer) };
  });
}

function parseQuestion(
  line: string,
): (Omit<Question, 'roles'> & { readonly roles?: readonly string[] }) | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<Question> | null;
    const asks = typeof parsed?.action === 'string' || typeof parsed?.policy === 'string';
    const names =
      typeof parsed?.subject === 'string' && ['string', 'undefined'].includes(typeof parsed.issuer);
    return asks && names ? (parsed as Question) : undefined;
  } catch {
    return undefined;
  }
}
