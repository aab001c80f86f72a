import { type Command, Option } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { formatTable } from './format-table.ts';
import { examples } from './help-examples.ts';

interface ShownKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly state: string;
  readonly createdAt: string;
  readonly activatesAt: string | null;
  readonly retiresAt: string | null;
}

interface KeyRotation {
  readonly id: string;
  readonly active: { readonly kid: string };
  readonly pending: { readonly kid: string } | null;
  readonly previous: { readonly kid: string; readonly state: string } | null;
  readonly completedAt: string;
}

interface RotateFlags {
  readonly mode: 'now' | 'scheduled' | 'compromised';
  readonly kid?: string;
  readonly reason: string;
}

const LIST = '{ signingKeys { kid algorithm state createdAt activatesAt retiresAt } }';
const ROTATE = `mutation ($mode: RotationMode!, $kid: ID, $reason: String!) {
  rotateSigningKeys(mode: $mode, kid: $kid, reason: $reason) {
    id completedAt active { kid } pending { kid } previous { kid state }
  }
}`;

/** `aduana keys`: the signing keys of the STS, with the operator's certificate. */
export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program
    .command('keys')
    .description('list and rotate the signing keys of the Security Token Service');
  keys
    .command('list')
    .description('list the keys with their states (with the operator certificate)')
    .addHelpText('after', examples('keys list'))
    .action(() => listKeys(context));
  keys
    .command('rotate')
    .description('sign with the next key (with the operator certificate); tokens of the old key stay valid')
    .addHelpText(
      'after',
      examples(
        `keys rotate --reason 'yearly rotation'`,
        `keys rotate --mode compromised --kid KID --reason 'laptop stolen'`,
      ),
    )
    .addOption(
      new Option(
        '--mode <mode>',
        '`now`; `scheduled`: only if the next key has been published for SIGNING_KEY_LEAD; `compromised`: also refuse the old key at once',
      )
        .choices(['now', 'scheduled', 'compromised'])
        .default('now'),
    )
    .option('--kid <kid>', 'with `compromised`: which key; default: the active one')
    .option('--reason <text>', 'why; it is recorded in the audit log', 'rotated from the command line')
    .action((flags: RotateFlags) => rotateKeys(flags, context));
}

async function listKeys(context: CommandContext): Promise<void> {
  const { signingKeys } = await ask<{ signingKeys: readonly ShownKey[] }>(LIST, {}, context);
  const heads = ['kid', 'algorithm', 'state', 'created', 'signs from', 'leaves'];
  const rows = signingKeys.map((key) => [
    key.kid,
    key.algorithm,
    key.state,
    key.createdAt,
    key.activatesAt ?? '',
    key.retiresAt ?? '',
  ]);
  for (const line of formatTable(heads, rows)) context.print(line);
}

async function rotateKeys({ mode, kid, reason }: RotateFlags, context: CommandContext): Promise<void> {
  const variables = { mode: mode.toUpperCase(), kid: kid ?? null, reason };
  const answer = await ask<{ rotateSigningKeys: KeyRotation }>(ROTATE, variables, context);
  const { id, active, pending, previous, completedAt } = answer.rotateSigningKeys;
  context.print(`rotation  ${id} at ${completedAt}`);
  context.print(`active    ${active.kid}`);
  if (pending !== null) context.print(`pending   ${pending.kid}`);
  if (previous !== null) context.print(`previous  ${previous.kid} (${previous.state})`);
}

async function ask<Data>(
  document: string,
  variables: Readonly<Record<string, unknown>>,
  context: CommandContext,
): Promise<Data> {
  const { openDeploymentClient } = await import('./deployment-client.ts');
  const deployment = await openDeploymentClient('operator', context);
  try {
    const { status, data, errors } = await deployment.graphql(document, variables);
    const [error] = errors;
    if (error !== undefined || data === null) {
      const code = error?.extensions?.['code'];
      const notBefore = error?.extensions?.['notBefore'];
      throw new CommandFailure(
        1,
        `The deployment refused: ${error?.message ?? `HTTP ${String(status)}`}` +
          (typeof code === 'string' ? ` [${code}]` : '') +
          (typeof notBefore === 'string' ? `; not before ${notBefore}` : ''),
      );
    }
    return data as Data;
  } finally {
    await deployment.close();
  }
}
