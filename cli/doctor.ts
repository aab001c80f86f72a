import type { Command } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type DoctorCheck, failure, type Finding } from './doctor-finding.ts';
import { formatTable } from './format-table.ts';
import { examples } from './help-examples.ts';

/** `aduana doctor`: looks an installation over, before or after its start, and changes nothing. */
export function registerDoctor(program: Command, context: CommandContext): void {
  program
    .command('doctor')
    .description(
      'check an installation: files, certificates, secrets, policies, services; it changes nothing',
    )
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', examples('doctor'))
    .action(({ json }: { json?: true }) => examine(json === true, context));
}

async function examine(json: boolean, context: CommandContext): Promise<void> {
  const { checkConfiguration, checkHomeModes, checkCertificates } = await import('./doctor-files.ts');
  const { checkSecretProvider, checkDatabase, checkPolicies, checkSupergraph } =
    await import('./doctor-parts.ts');
  const { checkSigningKeys } = await import('./doctor-signing-keys.ts');
  const { checkObjectStore } = await import('./doctor-object-store.ts');
  const { checkSpool } = await import('./doctor-spool.ts');
  const { checkServices } = await import('./doctor-services.ts');
  const configuration = await checkConfiguration(context);
  const readable = configuration.every(({ state }) => state !== 'FAIL');
  const checks: readonly DoctorCheck[] = readable
    ? [
        checkHomeModes,
        checkCertificates,
        checkSecretProvider,
        checkSigningKeys,
        checkDatabase,
        checkObjectStore,
        checkSpool,
        checkPolicies,
        checkSupergraph,
        checkServices,
      ]
    : [];
  const findings: Finding[] = [...configuration];
  for (const check of checks) findings.push(...(await tryCheck(check, context)));
  report(findings, json, context);
}

/** A check that breaks is a finding too. */
async function tryCheck(check: DoctorCheck, context: CommandContext): Promise<readonly Finding[]> {
  try {
    return await check(context);
  } catch (error) {
    return [failure(check.name, `the check failed: ${(error as Error).message}`, 'Report this as a bug')];
  }
}

function report(findings: readonly Finding[], json: boolean, { print }: CommandContext): void {
  const failures = findings.filter(({ state }) => state === 'FAIL').length;
  const warnings = findings.filter(({ state }) => state === 'warn').length;
  if (json) print(JSON.stringify(findings, null, 2));
  else {
    const rows = findings.map(({ state, subject, finding, remedy }) => [state, subject, finding, remedy]);
    for (const line of formatTable(['', 'what', 'finding', 'what to do'], rows)) print(line);
    print(`${String(findings.length)} checks: ${String(failures)} failures, ${String(warnings)} warnings`);
  }
  if (failures > 0) throw new CommandFailure(1, '');
}
