import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SERVICE_SETTINGS, type ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { certificateThumbprint } from '@aduana/core/mtls/peer-identity';
import { type Command, Option } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { formatTable } from './format-table.ts';
import { examples } from './help-examples.ts';

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;
const REVOKE = `mutation ($thumbprint: ID!, $reason: String!) {
  revokeCertificate(thumbprint: $thumbprint, reason: $reason) { thumbprint revokedAt }
}`;

/** `aduana certs`: makes, renews, revokes and lists certificates. */
export function registerCerts(program: Command, context: CommandContext): void {
  const certs = program
    .command('certs')
    .description('make the development CA and the certificates that are missing')
    .addHelpText('after', examples('certs'))
    .action(() => makeMissing(context));
  certs
    .command('renew')
    .description('renew the certificates that expire soon, or those of the named services')
    .addHelpText('after', examples('certs renew', 'certs renew bff', 'certs renew --authority introduce'))
    .argument('[service...]', 'services whose certificates are renewed whatever their age')
    .option('--force', 'renew all certificates')
    .addOption(
      new Option(
        '--authority <step>',
        'change the CA in three steps: `introduce` the new CA, renew with --force, `drop` the old CA',
      ).choices(['introduce', 'drop']),
    )
    .action((services: string[], options: RenewFlags) => renew(services, options, context));
  certs
    .command('revoke')
    .description(
      'refuse a certificate everywhere, also on open connections (with the operator certificate, not through the gateway)',
    )
    .argument('<certificate>', 'a .crt file, or its SHA-256 thumbprint (x5t#S256)')
    .requiredOption('--reason <text>', 'why; it is recorded in the audit log')
    .addHelpText('after', examples(`certs revoke certs/dev/bff.crt --reason 'laptop lost'`))
    .action((certificate: string, { reason }: { reason: string }) => revoke(certificate, reason, context));
  certs
    .command('status')
    .description('list the certificates: when they expire, and which CA issued them')
    .addHelpText('after', examples('certs status', 'certs status --strict-readiness'))
    .option('--strict-readiness', 'list callers without a certificate, which MTLS_MODE=strict would refuse')
    .action(async ({ strictReadiness }: { strictReadiness?: true }) => {
      if (strictReadiness !== true) return showStatus(context);
      const { showStrictReadiness } = await import('./strict-readiness.ts');
      return showStrictReadiness(context);
    });
}

interface RenewFlags {
  readonly force?: boolean;
  readonly authority?: 'introduce' | 'drop';
}

async function makeMissing({ environment, clock, print }: CommandContext): Promise<void> {
  const { ensureCertificates } = await import('../certs/ensure-certificates.ts');
  const settings = readSettings(environment);
  const roster = await rosterOf(settings);
  const { issued, missing } = await ensureCertificates({ settings, clock, roster });
  for (const service of issued) print(`made     ${settings.CERTS_DIR}/${service}.crt`);
  for (const service of missing)
    print(`missing  ${settings.CERTS_DIR}/${service}.crt (the folder's CA is not the deployment's)`);
  if (issued.length + missing.length === 0) print(`nothing is missing in ${settings.CERTS_DIR}`);
}

async function renew(services: readonly string[], flags: RenewFlags, context: CommandContext): Promise<void> {
  const { environment, clock, print } = context;
  const settings = readSettings(environment);
  const { introduceAuthority, renewCertificates } = await import('../certs/renew-certificates.ts');
  if (flags.authority === 'introduce') {
    await introduceAuthority({ settings, clock });
    print('A new CA is trusted beside the old one. Within 10 s every running service knows it; then run:');
    print('  npx aduana certs renew --force');
    print('  npx aduana certs renew --authority drop');
    return;
  }
  if (flags.authority === 'drop') {
    const { dropFormerAuthorities } = await import('../certs/drop-former-authorities.ts');
    const dropped = await dropFormerAuthorities({ settings, clock, roster: await rosterOf(settings) });
    print(`${String(dropped)} former CA(s) dropped`);
    return;
  }
  const roster = await rosterOf(settings);
  const unknown = services.filter((name) => !roster.some(({ service }) => service === name));
  if (unknown.length > 0)
    throw new CommandFailure(
      EXIT_USAGE,
      `There is no such service: ${unknown.join(', ')}\n  -> Register it in service_identities.yaml`,
    );
  const named = roster.filter(({ service }) => services.includes(service));
  const issued = await renewCertificates({
    settings,
    clock,
    roster: named.length > 0 ? named : roster,
    force: flags.force === true || named.length > 0,
  });
  for (const service of issued) print(`renewed  ${settings.CERTS_DIR}/${service}.crt`);
  if (issued.length === 0) print('no certificate expires soon (use --force to renew all of them)');
}

async function revoke(certificate: string, reason: string, context: CommandContext): Promise<void> {
  const thumbprint = THUMBPRINT.test(certificate) ? certificate : await thumbprintOfFile(certificate);
  const { askAdmin } = await import('./ask-admin.ts');
  await askAdmin(REVOKE, { thumbprint, reason }, 'iam:certificates:revoke', context);
  context.print(`revoked  ${thumbprint}`);
}

async function thumbprintOfFile(path: string): Promise<string> {
  try {
    return certificateThumbprint(new X509Certificate(await readFile(path)).raw);
  } catch {
    throw new CommandFailure(
      EXIT_USAGE,
      `${path} is neither a certificate file nor a SHA-256 thumbprint (x5t#S256)`,
    );
  }
}

async function showStatus(context: CommandContext): Promise<void> {
  const { environment, clock, print } = context;
  const { readShownCertificates } = await import('./shown-certificates.ts');
  const settings = readSettings(environment);
  const { readCertificateStatus } = await import('../certs/certificate-status.ts');
  const roster = await rosterOf(settings);
  const leaves = await readCertificateStatus(settings, roster);
  const shown = await readShownCertificates(context);
  const rows = roster.map(({ service }) => {
    const leaf = leaves.find((other) => other.service === service);
    if (leaf === undefined) return [service, 'missing'];
    const live = shown.get(service);
    const expired = leaf.notAfter <= clock.now();
    return [
      service,
      `${new Date(leaf.notAfter).toISOString()}${expired ? ' (expired)' : ''}`,
      leaf.renewAt <= clock.now() ? 'due' : new Date(leaf.renewAt).toISOString(),
      `${leaf.issuer} CA`,
      live === undefined ? '' : live === leaf.thumbprint ? 'this one' : `another, ${live}`,
      leaf.thumbprint,
    ];
  });
  for (const line of formatTable(
    ['service', 'expires', 'renewal', 'issued by', 'runs with', 'x5t#S256'],
    rows,
  ))
    print(line);
}

function readSettings(environment: CommandContext['environment']): ServiceSettings {
  return loadConfig(SERVICE_SETTINGS, environment);
}

async function rosterOf({ POLICIES_DIR }: ServiceSettings) {
  const { readRoster } = await import('../certs/read-roster.ts');
  return readRoster(POLICIES_DIR);
}
