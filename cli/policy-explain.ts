import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { explainDocument, type Subject } from '@aduana/server-kit/graphql/explain-document';
import { readExplainableSchema } from '@aduana/server-kit/graphql/explainable-schema';
import { compile, type Engine } from '@aduana/server-kit/iam/compile';
import { explain, type Explanation } from '@aduana/server-kit/iam/explain';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import { GATEWAY_SETTINGS } from '../gateway/config.ts';
import { localSupergraphFile } from '../gateway/supergraph/open-supergraph-source.ts';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type FolderOptions, policiesFolder } from './policies-folder.ts';

export interface ExplainOptions extends FolderOptions {
  readonly as: string;
  readonly issuer?: string;
  readonly role?: readonly string[];
  readonly action?: string;
  readonly document?: string;
  readonly time?: string;
  readonly address?: string;
  readonly authentication?: string;
  readonly acr?: string;
  readonly authTime?: string;
  readonly json?: true;
}

/** What would be decided for a caller, by which rule, and what would change it. */
export async function explainPolicy(options: ExplainOptions, context: CommandContext): Promise<void> {
  const engine = compile(await loadPolicies(policiesFolder(options, context)));
  const { as: subject, issuer } = options;
  const own = issuer === undefined ? engine.services.get(subject)?.roles : undefined;
  const roles = options.role ?? own;
  if (roles === undefined)
    throw new CommandFailure(
      EXIT_USAGE,
      issuer === undefined
        ? `There is no service ${subject}\n  -> Give the roles with --role, and for a user also --issuer`
        : `The roles of ${subject} depend on the claims of the issuer\n  -> Give the roles with --role`,
    );
  const request = { subject, issuer, roles, context: contextOf(options, context) };
  const explanation =
    options.document === undefined
      ? explainActions(engine, request, options.action)
      : await explainFields(engine, request, options.document, context);
  const lines = options.json === true ? [JSON.stringify(explanation.data, null, 2)] : explanation.lines;
  for (const line of lines) context.print(line);
}

interface PrintedExplanation {
  readonly data: unknown;
  readonly lines: readonly string[];
}

function explainActions(engine: Engine, subject: Subject, action: string | undefined): PrintedExplanation {
  const actions = action === undefined ? [...engine.catalogue].sort() : [action];
  const data = actions.map((one) => explain(engine, { ...subject, action: one }));
  return { data, lines: data.flatMap((explanation) => describe(explanation, engine)) };
}

async function explainFields(
  engine: Engine,
  subject: Subject,
  document: string,
  { environment }: CommandContext,
): Promise<PrintedExplanation> {
  const { SUPERGRAPH_SDL, SUPERGRAPH_GRAPH_REF, ADUANA_HOME } = GATEWAY_SETTINGS;
  const settings = { SUPERGRAPH_SDL, SUPERGRAPH_GRAPH_REF, ADUANA_HOME };
  const file = localSupergraphFile(loadConfig(settings, environment));
  const schema = readExplainableSchema(
    await readFile(file, 'utf8').catch(() => {
      throw new CommandFailure(
        1,
        `${file} cannot be read\n  -> Run \`npx aduana supergraph compose\`, or set SUPERGRAPH_SDL`,
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

function invalidTime(option: string): CommandFailure {
  return new CommandFailure(
    EXIT_USAGE,
    `${option} must be a time as in RFC 3339, such as 2026-11-24T03:00:00Z`,
  );
}

function contextOf(
  { time, address, authentication, acr, authTime }: ExplainOptions,
  { clock }: CommandContext,
): AccessContext {
  if (time !== undefined && Number.isNaN(Date.parse(time))) throw invalidTime('--time');
  if (authTime !== undefined && Number.isNaN(Date.parse(authTime))) throw invalidTime('--auth-time');
  if (address !== undefined && isIP(address) === 0)
    throw new CommandFailure(EXIT_USAGE, '--address must be an IP address');
  return {
    time: time ?? clock.now(),
    ...(address === undefined ? {} : { address }),
    ...(acr === undefined ? {} : { acr }),
    ...(authTime === undefined ? {} : { authTime }),
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
    return `    ${name} (${at}): ${holds === undefined ? 'is unknown' : holds ? 'holds' : 'does not hold'}`;
  });
  return [
    `${effect.padEnd(5)} ${action}: ${[why, ...(rolePath.length > 1 ? [rolePath.join(' -> ')] : [])].join(', ')}`,
    ...states,
    ...nearMisses.map((miss) => `    ${miss}`),
  ];
}
