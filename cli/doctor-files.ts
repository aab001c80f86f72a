import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { readCertificateStatus } from '../certs/certificate-status.ts';
import { BUILT_IN_ROSTER } from '../certs/built-in-roster.ts';
import { runningSettings } from './deployment-client.ts';
import { misspelledVariables } from './misspelled-variables.ts';
import { type DoctorCheck, failure, fine, type Finding, warning } from './doctor-finding.ts';

/** The variables, all of them at once. */
export const checkConfiguration: DoctorCheck = async ({ environment }) => {
  try {
    await runningSettings(environment);
    const misspelled = misspelledVariables(environment).map(({ name, meant }) =>
      warning(name, 'is not a variable of Aduana', `Did you mean ${meant}?`),
    );
    return [fine('environment', 'all variables are valid'), ...misspelled];
  } catch (error) {
    return toFailures(error);
  }
};

/** The home folder belongs to one user, and so does what lies in it. */
export const checkHomeModes: DoctorCheck = async ({ environment }) => {
  const { ADUANA_HOME: home } = loadConfig({ ADUANA_HOME: SERVICE_SETTINGS.ADUANA_HOME }, environment);
  const modes = await readModes(home);
  if (modes === undefined)
    return [warning(home, 'does not exist yet', 'Nothing to do: the first start creates it')];
  const open = modes.filter(({ mode }) => (mode & 0o077) !== 0);
  return open.length === 0
    ? [fine(home, `${String(modes.length)} files and folders are accessible only to their owner`)]
    : open.map(({ path, mode }) =>
        failure(path, `others have access (mode ${mode.toString(8)})`, `Run \`chmod go-rwx ${path}\``),
      );
};

/** Certificates: all there, each with its key, trusted, within their life and renewed in time. */
export const checkCertificates: DoctorCheck = async ({ environment, clock, log }) => {
  const settings = await runningSettings(environment);
  const { CERTS_DIR: certsDir, TRUST_DOMAIN: trustDomain } = settings;
  const leaves = await readCertificateStatus(settings);
  const findings: Finding[] = [];
  for (const { service, acceptsConnections } of BUILT_IN_ROSTER) {
    const path = join(certsDir, `${service}.crt`);
    const leaf = leaves.find((other) => other.service === service);
    if (leaf === undefined) {
      findings.push(warning(path, 'does not exist', `Run \`npx aduana certs\` if ${service} runs from here`));
      continue;
    }
    try {
      const options = { certsDir, service, trustDomain, acceptsConnections, clock, log };
      await (await loadTlsIdentity(options)).stop();
    } catch (error) {
      findings.push(...toFailures(error));
      continue;
    }
    const until = `good until ${new Date(leaf.notAfter).toISOString()}`;
    if (leaf.renewAt <= clock.now())
      findings.push(warning(path, `${until}, and due`, 'Run `npx aduana certs renew`'));
    else if (leaf.issuer === 'former')
      findings.push(warning(path, 'comes from a former CA', 'Run `npx aduana certs renew --force`'));
    else findings.push(fine(path, until));
  }
  return findings;
};

/** A ConfigurationError as findings; any other error is the command's own. */
export function toFailures(error: unknown): readonly Finding[] {
  if (!(error instanceof ConfigurationError)) throw error;
  return error.problems.map(({ subject, problem, remedy }) => failure(subject, problem, remedy));
}

/** The folder and what lies in it, without the database's own files; undefined where there is none. */
async function readModes(
  folder: string,
): Promise<readonly { readonly path: string; readonly mode: number }[] | undefined> {
  const own = await stat(folder).catch(() => undefined);
  if (own === undefined) return undefined;
  const found = [{ path: folder, mode: own.mode & 0o777 }];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { mode } = await stat(path);
    found.push({ path, mode: mode & 0o777 });
  }
  return found;
}
