import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { loadConfig } from '@aduana/core/config/load-config';
import { explainDocument, type Subject } from '@aduana/core/graphql/explain-document';
import { readExplainableSchema } from '@aduana/core/graphql/explainable-schema';
import { compile, type Engine } from '@aduana/core/iam/compile';
import { explain, type Explanation } from '@aduana/core/iam/explain';
import { loadPolicies } from '@aduana/core/iam/load-policies';
import type { AccessContext } from '@aduana/core/iam/access-context';
import { GATEWAY_SETTINGS } from '../gateway/config.ts';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type FolderOptions, policiesFolder } from './policies-folder.ts';

export interface ExplainOptions extends FolderOptions {
  readonly as: string;
  readonly role?: readonly string[];
  readonly action?: string;
  readonly document?: string;
  readonly time?: string;
  readonly address?: string;
  readonly authentication?: string;
  readonly json?: true;
}

/** What would be decided for a caller, by which rule, and what would change it. */
export async function explainPolicy(options: ExplainOptions, context: CommandContext): Promise<void> {
  const engine = compile(await loadPolicies(policiesFolder(options, context)));
  const roles = options.role ?? engine.services.get(options.as)?.roles;
  if (roles === undefined)
    throw new CommandFailure(EXIT_USAGE, `there is no service ${options.as}: name its roles with --role`);
  const request = { subject: options.as, roles, context: contextOf(options, context) };
  const explanation =
    options.document === undefined
      ? explainActions(engine, request, options.action)
      : await explainFields(engine, request, options.document, context);
  const lines = options.json === true ? [JSON.stringify(explanation.data, null, 2)] : explanation.lines;
  for (const line of lines) context.print(line);
}

interface Told {
  readonly data: unknown;
  readonly lines: readonly string[];
}

function explainActions(engine: Engine, subject: Subject, action: string | undefined): Told {
  const actions = action === undefined ? [...engine.catalogue].sort() : [action];
  const data = actions.map((one) => explain(engine, { ...subject, action: one }));
  return { data, lines: data.flatMap((explanation) => describe(explanation, engine)) };
}

async function explainFields(
  engine: Engine,
  subject: Subject,
  document: string,
  { environment }: CommandContext,
): Promise<Told> {
  const { SUPERGRAPH_SDL } = loadConfig({ SUPERGRAPH_SDL: GATEWAY_SETTINGS.SUPERGRAPH_SDL }, environment);
  const schema = readExplainableSchema(
    await readFile(SUPERGRAPH_SDL, 'utf8').catch(() => {
      throw new CommandFailure(
        1,
        `${SUPERGRAPH_SDL} cannot be read\n  -> Run \`npx aduana supergraph compose\`, or set SUPERGRAPH_SDL`,
      );
    }),
  );
  const data = explainDocument(document, schema, engine, subject);
  const lines = data.flatMap(({ coordinate, needs, allowed, scopes: [first], nearMisses }) => {
    const by = first?.rule === undefined ? '' : `, ${first.rule} (${first.location ?? ''})`;
    return [
      `${allowed ? 'allow' : 'deny '} ${coordinate}: ${needs}${by}`,
      ...nearMisses.map((miss) => `    ${miss}`),
    ];
  });
  return { data, lines };
}

function contextOf(
  { time, address, authentication }: ExplainOptions,
  { clock }: CommandContext,
): AccessContext {
  if (time !== undefined && Number.isNaN(Date.parse(time)))
    throw new CommandFailure(EXIT_USAGE, '--time is no RFC 3339 time');
  if (address !== undefined && isIP(address) === 0)
    throw new CommandFailure(EXIT_USAGE, '--address is no IP address');
  return {
    time: time ?? clock.now(),
    ...(address === undefined ? {} : { address }),
    ...(authentication === undefined
      ? {}
      : {
          authenticationMethod: authentication,
          mtls: ['tls_client_auth', 'x509_svid'].includes(authentication),
        }),
  };
}

function describe(explanation: Explanation, { sources }: Engine): readonly string[] {
  const { action, effect, reason, rule, location, rolePath, conditions, nearMisses } = explanation;
  const why =
    rule === undefined
      ? { no_rule: 'no rule', unknown_permission: 'unknown', rule: '' }[reason]
      : `${rule} (${location ?? ''})`;
  const states = conditions.map(({ name, holds }) => {
    const at = sources.conditions.get(name)?.location ?? '';
    return `    ${name} (${at}): ${holds === undefined ? 'cannot be told' : holds ? 'holds' : 'does not hold'}`;
  });
  return [
    `${effect.padEnd(5)} ${action}: ${[why, ...(rolePath.length > 1 ? [rolePath.join(' -> ')] : [])].join(', ')}`,
    ...states,
    ...nearMisses.map((miss) => `    ${miss}`),
  ];
}
