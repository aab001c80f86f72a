import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, type ConfigurationProblem } from '../errors/configuration-error.ts';
import { sha256Hex } from '../platform/digest.ts';
import { leafProblem, notAfterOf, notBeforeOf } from './leaf-problem.ts';
import { certificateThumbprint, spiffeIdOf } from './peer-identity.ts';
import type { TlsGeneration } from './tls-identity.ts';
import { pathProblem } from './verify-certificate-chain.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Others may not read a key, nor may its group write it (a group that reads is how orchestrators mount secrets). */
const FORBIDDEN_KEY_MODE = 0o027;

/** Paths of the PEM files of one service. */
export interface TlsFiles {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/** What the files hold, and a hash of all of it. */
export interface TlsFileContents {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
  readonly keyMode: number;
  /** Changes with any of the three files. */
  readonly sha256: string;
}

/** What a certificate has to fulfil to be used. */
export interface GenerationRules {
  readonly service: string;
  readonly trustDomain: string;
  /** True: the service is called as well as calling. */
  readonly acceptsConnections: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The paths of the files of a service in its folder of certificates. */
export function tlsFiles(certsDir: string, service: string): TlsFiles {
  return {
    authorities: join(certsDir, 'ca.crt'),
    certificate: join(certsDir, `${service}.crt`),
    key: join(certsDir, `${service}.key`),
  };
}

/** @throws ConfigurationError with every file that cannot be read */
export async function readTlsFiles(files: TlsFiles): Promise<TlsFileContents> {
  const paths = [files.authorities, files.certificate, files.key];
  const read = await Promise.allSettled(paths.map((path) => readFile(path, 'utf8')));
  const problems = read.flatMap((result, index): ConfigurationProblem[] =>
    result.status === 'fulfilled' ? [] : [unreadable(paths[index] ?? '', result.reason)],
  );
  if (problems.length > 0) throw new ConfigurationError(problems);
  const [authorities = '', certificate = '', key = ''] = read.map((result) =>
    result.status === 'fulfilled' ? result.value : '',
  );
  const { mode } = await stat(files.key);
  const sha256 = sha256Hex([authorities, certificate, key, String(mode)].map(sha256Hex).join());
  return { authorities, certificate, key, keyMode: mode & 0o777, sha256 };
}

/** @throws ConfigurationError with everything that is wrong with the three files */
export function parseTlsGeneration(
  contents: TlsFileContents,
  files: TlsFiles,
  rules: GenerationRules,
): TlsGeneration {
  const problems: ConfigurationProblem[] = [];
  const report = (subject: string, problem: string, remedy: string): void => {
    problems.push({ subject, problem, remedy });
  };
  const renew = 'Run `npx aduana certs renew`, or put the right files there';
  const attempt = <Value>(subject: string, what: string, parse: () => Value): Value | undefined => {
    try {
      return parse();
    } catch {
      report(subject, `holds no ${what} that can be read`, renew);
      return undefined;
    }
  };

  const authorities = attempt(files.authorities, 'CA certificate', () => parsePem(contents.authorities));
  const chain = attempt(files.certificate, 'certificate', () => parsePem(contents.certificate));
  const key = attempt(files.key, 'unencrypted private key', () => createPrivateKey(contents.key));
  if ((contents.keyMode & FORBIDDEN_KEY_MODE) !== 0)
    report(files.key, 'may be read or changed by others', `Run \`chmod 600 ${files.key}\``);
  if (authorities?.some(({ ca }) => !ca) === true)
    report(files.authorities, 'holds a certificate that is no CA', 'Leave only CA certificates in it');
  const [leaf, ...intermediates] = chain ?? [];
  if (leaf !== undefined && authorities !== undefined) {
    const trust = { authorities: authorities.map(({ raw }) => raw), now: rules.now };
    for (const problem of [ownProblem(leaf, rules), pathProblem(leaf, intermediates, trust)])
      if (problem !== undefined) report(files.certificate, problem, renew);
  }
  if (leaf !== undefined && key !== undefined && !leaf.checkPrivateKey(key))
    report(files.key, 'does not belong to the certificate beside it', renew);
  if (leaf === undefined || authorities === undefined || key === undefined || problems.length > 0)
    throw new ConfigurationError(problems);
  return toGeneration(contents, authorities, [leaf, ...intermediates], key);
}

function ownProblem(leaf: X509Certificate, rules: GenerationRules): string | undefined {
  const { trustDomain, now, service } = rules;
  const sides = rules.acceptsConnections ? (['client', 'server'] as const) : (['client'] as const);
  for (const usage of sides) {
    const problem = leafProblem(leaf, { trustDomain, usage, now });
    if (problem !== undefined) return problem;
  }
  return spiffeIdOf(leaf) === `spiffe://${trustDomain}/${service}` ? undefined : 'names another service';
}

function toGeneration(
  contents: TlsFileContents,
  authorities: readonly X509Certificate[],
  chain: readonly [X509Certificate, ...X509Certificate[]],
  key: KeyObject,
): TlsGeneration {
  const [leaf] = chain;
  const pem = key.export({ type: 'pkcs8', format: 'pem' });
  return {
    secureContextOptions: () => ({
      key: pem,
      cert: contents.certificate,
      ca: authorities.map((authority) => authority.toString()),
    }),
    chain: chain.map(({ raw }) => raw),
    authorities: authorities.map(({ raw }) => raw),
    thumbprint: certificateThumbprint(leaf.raw),
    spiffeId: spiffeIdOf(leaf) ?? '',
    notBefore: notBeforeOf(leaf),
    notAfter: notAfterOf(leaf),
  };
}

/** @throws Error when there is no certificate, or one that cannot be read */
function parsePem(text: string): X509Certificate[] {
  const certificates = (text.match(PEM_CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
  if (certificates.length === 0) throw new Error('no certificate');
  return certificates;
}

function unreadable(subject: string, reason: unknown): ConfigurationProblem {
  const { code = 'unknown error' } = reason as { code?: string };
  const missing = code === 'ENOENT';
  return {
    subject,
    problem: missing ? 'does not exist' : `cannot be read (${code})`,
    remedy: missing
      ? 'Run `npx aduana certs`, or point CERTS_DIR at the folder that holds it'
      : 'Let the user that runs Aduana read it',
  };
}
