import { ConfigurationError, type ConfigurationProblem } from '../errors/configuration-error.ts';

/** What a service is given of the deployment that it belongs to. */
export interface DeploymentOptions {
  /** The service's id in `service_identities.yaml`, which is also its audience and the name of its certificate. */
  readonly service: string;
  /** The folder with `ca.crt`, `<service>.crt` and `<service>.key`; they are read again when they change. */
  readonly certsDir: string;
  /** The token endpoint of the STS, such as `https://localhost:8011/sts/token`, or its base URL. */
  readonly stsUrl: string;
  /** The SPIFFE trust domain of the deployment. */
  readonly trustDomain: string;
  /** The issuer identifier of the STS; default: `stsUrl` without `/sts/token`. */
  readonly issuer?: string;
}

/** The addresses of the STS, complete. */
export interface CheckedDeployment {
  /** Of its token endpoint. */
  readonly tokenUrl: string;
  /** Its issuer identifier (RFC 8414 section 2). */
  readonly issuer: string;
}

/** Names of the options in the caller's words, such as those of variables. */
export type OptionNames = Readonly<Partial<Record<keyof DeploymentOptions, string>>>;

const TOKEN_PATH = '/sts/token';
const RULES: Readonly<
  Record<Exclude<keyof DeploymentOptions, 'issuer'>, readonly [(value: string) => boolean, string]>
> = {
  service: [(value) => /^[a-z0-9][a-z0-9._-]{0,62}$/.test(value), 'is not the id of a service'],
  certsDir: [(value) => value !== '', 'is not the path of a folder'],
  stsUrl: [isHttpsUrl, 'is not an https URL'],
  trustDomain: [(value) => /^[a-z0-9._-]{1,255}$/.test(value), 'is not a SPIFFE trust domain'],
};

/**
 * Checks the options and completes the addresses of the STS.
 *
 * @param others problems that the caller has found itself
 * @throws ConfigurationError with every problem at once
 */
export function checkDeploymentOptions(
  options: DeploymentOptions,
  others: readonly ConfigurationProblem[] = [],
  names: OptionNames = {},
): CheckedDeployment {
  const problems = [...others];
  for (const [option, [holds, problem]] of Object.entries(RULES)) {
    const name = option as keyof typeof RULES;
    const value: unknown = options[name];
    if (typeof value !== 'string' || !holds(value))
      problems.push({ subject: names[name] ?? name, problem, remedy: REMEDIES[name] });
  }
  if (options.issuer !== undefined && !isHttpsUrl(options.issuer))
    problems.push({
      subject: names.issuer ?? 'issuer',
      problem: 'is not an https URL',
      remedy: 'Give the `issuer` of the STS metadata, or leave it out',
    });
  if (problems.length > 0) throw new ConfigurationError(problems);
  const base = options.stsUrl.replace(/\/$/, '');
  const tokenUrl = new URL(base).pathname === '/' ? `${base}${TOKEN_PATH}` : base;
  const derived = tokenUrl.endsWith(TOKEN_PATH)
    ? tokenUrl.slice(0, -TOKEN_PATH.length)
    : new URL(tokenUrl).origin;
  return { tokenUrl, issuer: options.issuer ?? derived };
}

const REMEDIES: Readonly<Record<keyof typeof RULES, string>> = {
  service: 'Give the id under which the service is registered in service_identities.yaml',
  certsDir: 'Give the folder that holds ca.crt and the certificate and key of the service',
  stsUrl: 'Give the token endpoint of the STS, such as https://localhost:8011/sts/token',
  trustDomain: 'Give the trust domain of the deployment, such as aduana.local',
};

function isHttpsUrl(value: string): boolean {
  return URL.canParse(value) && new URL(value).protocol === 'https:';
}
