import type { Command } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { examples } from './help-examples.ts';

interface RevokeFlags {
  readonly issuer: string;
  readonly subject: string;
  readonly reason: string;
}

const REVOKE = `mutation ($issuer: String!, $subject: ID!, $reason: String!) {
  revokeSubject(issuer: $issuer, subject: $subject, reason: $reason) { revokedAt }
}`;

/** `aduana subjects`: whose tokens count, with the operator's certificate. */
export function registerSubjects(program: Command, context: CommandContext): void {
  program
    .command('subjects')
    .description('revoke the tokens of a subject: a user of a trusted issuer, or a service')
    .command('revoke')
    .description(
      'refuse all tokens of a subject that were issued until now (with the operator certificate); later ones are accepted',
    )
    .requiredOption('--issuer <issuer>', 'the issuer of the subject (`iss`); for a service: STS_ISSUER')
    .requiredOption('--subject <subject>', 'the name of the subject (`sub`)')
    .requiredOption('--reason <text>', 'why; it is recorded in the audit log')
    .addHelpText(
      'after',
      examples(`subjects revoke --issuer https://idp.example.com --subject ana --reason 'account stolen'`),
    )
    .action((flags: RevokeFlags) => revokeSubject(flags, context));
}

async function revokeSubject(
  { issuer, subject, reason }: RevokeFlags,
  context: CommandContext,
): Promise<void> {
  const { openDeploymentClient } = await import('./deployment-client.ts');
  const deployment = await openDeploymentClient('operator', context);
  try {
    const { status, data, errors } = await deployment.graphql(REVOKE, { issuer, subject, reason });
    const [error] = errors;
    const revoked = data?.['revokeSubject'] as { readonly revokedAt: string } | null | undefined;
    if (error !== undefined || revoked == null) {
      const code = error?.extensions?.['code'];
      const why = error?.message ?? `HTTP ${String(status)}`;
      throw new CommandFailure(1, `Not revoked: ${why}${typeof code === 'string' ? ` (${code})` : ''}`);
    }
    context.print(`revoked  ${subject} of ${issuer}: what was issued until ${revoked.revokedAt}`);
  } finally {
    await deployment.close();
  }
}
