import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider, type SecretSettings } from '@aduana/server-kit/secrets/create-secret-provider';
import { Secret } from '@aduana/core/secrets/secret';
import { databaseServers } from '@aduana/server-kit/platform/database-url';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { toFailures } from './doctor-files.ts';
import { checkReplication } from './doctor-replication.ts';
import { type DoctorCheck, failure, fine, type Finding, warning } from './doctor-finding.ts';
import { runningSettings } from './deployment-client.ts';
import { registerPolicy } from './policy.ts';
import { servicesWithSecrets } from './services-with-secrets.ts';
import { registerSupergraph } from './supergraph.ts';

const SKEW_MILLISECONDS = 2000;

/** Before the first start: a local provider that was opened now would make its master key. */
export function lacksMasterKey(settings: SecretSettings): boolean {
  const { SECRET_PROVIDER: kind, ADUANA_HOME: home, ADUANA_MASTER_KEY_FILE: masterKey } = settings;
  return kind === 'local' && masterKey === undefined && !existsSync(join(home, 'master.key'));
}

/** The secret provider answers, lets itself be read, and opens what it wraps. */
export const checkSecretProvider: DoctorCheck = async ({ environment, clock, log }) => {
  const settings = await runningSettings(environment);
  const subject = `SECRET_PROVIDER=${settings.SECRET_PROVIDER}`;
  if (lacksMasterKey(settings))
    return [warning(subject, 'has no master key yet', 'Nothing to do: the first start makes it')];
  try {
    const provider = await createSecretProvider({ settings, environment, clock, log });
    try {
      const context = { purpose: 'doctor' };
      const opened = await provider.unwrap(await provider.wrap(Secret.of('probe'), context), context);
      if (opened.reveal() !== 'probe') throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE');
      const missing: string[] = [];
      for (const service of await servicesWithSecrets(settings.POLICIES_DIR))
        if ((await provider.get(clientSecretName(service))) === undefined) missing.push(service);
      return missing.length === 0
        ? [fine(subject, 'answers, wraps and opens; every client secret is there')]
        : [
            warning(
              subject,
              `holds no client secret of ${missing.join(', ')}`,
              'Start the deployment once (`npm start`), or store them',
            ),
          ];
    } finally {
      await provider.close();
    }
  } catch (error) {
    if (error instanceof ConfigurationError) return toFailures(error);
    const { detail, message } = error as { detail?: string; message: string };
    return [
      failure(subject, detail ?? message, 'Give the deployment the permissions that docs/secrets.md lists'),
    ];
  }
};

/** The database answers, and its clock agrees with ours. */
export const checkDatabase: DoctorCheck = async ({ environment, clock, log }) => {
  const { DATABASE_URL: url } = await runningSettings(environment);
  if (url === undefined) return [fine('DATABASE_URL', 'is not set: the embedded database serves')];
  try {
    const database = openPgDatabase({ url, schema: 'public', maxConnections: 1, log });
    try {
      const { rows } = await database.query<{ now: string | number }>(
        'SELECT (extract(epoch from clock_timestamp()) * 1000)::float8 AS now',
      );
      const skew = Math.round(Number(rows[0]?.now) - clock.now());
      const answers =
        Math.abs(skew) > SKEW_MILLISECONDS
          ? warning('DATABASE_URL', `its clock differs by ${String(skew)} ms`, 'Run NTP on both hosts')
          : fine('DATABASE_URL', `answers; its clock differs by ${String(skew)} ms`);
      return [answers, ...(await checkReplication(database, databaseServers(url).urls.length))];
    } finally {
      await database.close();
    }
  } catch (error) {
    const { code = 'no answer' } = error as { code?: string };
    return [failure('DATABASE_URL', `cannot be used (${code})`, 'Start PostgreSQL, or correct the variable')];
  }
};

/** The policy files, by `aduana policy lint`. */
export const checkPolicies: DoctorCheck = (context) =>
  runOther('policies', registerPolicy, ['policy', 'lint'], 'Run `npx aduana policy lint`', context);

/** The supergraph, by `aduana supergraph compose --check`. */
export const checkSupergraph: DoctorCheck = (context) =>
  runOther(
    'supergraph',
    registerSupergraph,
    ['supergraph', 'compose', '--check'],
    'Run `npx aduana supergraph compose`',
    context,
  );

/** Runs another command quietly: what it finds is what we report. */
async function runOther(
  subject: string,
  register: (program: Command, context: CommandContext) => void,
  words: readonly string[],
  remedy: string,
  context: CommandContext,
): Promise<readonly Finding[]> {
  const errors: string[] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  register(program, { ...context, print: () => undefined, printError: (line) => errors.push(line) });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return [fine(subject, `\`aduana ${words.join(' ')}\` finds nothing wrong`)];
  } catch (error) {
    if (error instanceof ConfigurationError) return toFailures(error);
    if (!(error instanceof CommandFailure)) throw error;
    return [...errors, error.message].filter(Boolean).map((line) => failure(subject, line, remedy));
  }
}
