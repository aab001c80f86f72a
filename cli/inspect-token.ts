import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { openServiceConnections } from '@aduana/server-kit/connections/service-connections';
import { stsIssuer } from '@aduana/server-kit/config/service-settings';
import { SecurityError } from '@aduana/core/errors/security-error';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { within } from '@aduana/core/platform/within';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import { readCompactJws } from '@aduana/core/tokens/read-compact-jws';
import { createAccessTokenVerifier } from '@aduana/core/tokens/verify-access-token';
import { readUnverifiedClaims } from '@aduana/core/tokens/verify-signed-jwt';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { runningSettings } from './deployment-client.ts';

const READY_MS = 5_000;
const LARGEST_INPUT_BYTES = 65_536;
const TIMES = new Set(['iat', 'exp', 'nbf', 'auth_time']);

/** Explains the token on standard input; exit code 1 where its audience would refuse it. */
export async function inspectToken(context: CommandContext): Promise<void> {
  const token = (await readInput()).trim().replace(/^authorization: *(bearer|dpop) +/i, '');
  const header = readCompactJws(token);
  if ('refused' in header) throw new CommandFailure(1, `This is not an access token: ${header.refused}`);
  context.print(`typ      ${header.typ ?? '(none)'}`);
  context.print(`alg      ${header.alg}`);
  context.print(`kid      ${header.kid}`);
  for (const [name, value] of Object.entries(readUnverifiedClaims(token)))
    context.print(`${name.padEnd(8)} ${showClaim(name, value)}`);
  context.print('');
  for (const line of explain(await verify(token, context))) context.print(line);
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_INPUT_BYTES)
      throw new CommandFailure(EXIT_USAGE, 'The input is too long for a token');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function showClaim(name: string, value: unknown): string {
  if (TIMES.has(name) && typeof value === 'number')
    return `${String(value)} (${new Date(value * 1000).toISOString()})`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What every service of the deployment would find, asked with the operator's certificate. */
async function verify(token: string, context: CommandContext): Promise<AccessTokenClaims> {
  const { clock, log, environment } = context;
  const settings = await runningSettings(environment);
  const identity = await loadTlsIdentity({
    certsDir: settings.CERTS_DIR,
    service: 'operator',
    trustDomain: settings.TRUST_DOMAIN,
    clock,
    log,
    acceptsConnections: false,
  });
  const platform = { clock, log, metrics: createMetrics(), identity, bus: createInProcessBus() };
  const connections = openServiceConnections({ service: 'operator', settings, platform });
  try {
    const away = (): Error =>
      new CommandFailure(1, 'The STS does not answer\n  -> Start the deployment with: npm start');
    await within(clock, READY_MS, away, () => connections.status.ready);
    const { status, keys } = connections;
    const check = createAccessTokenVerifier({
      issuer: stsIssuer(settings),
      audience: undefined,
      keys,
      status,
      clock,
    });
    return (await check(token)).claims;
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    throw new CommandFailure(1, `No service accepts this token: ${error.detail ?? error.message}`);
  } finally {
    await connections.close();
    await identity.stop();
  }
}

function explain({ aud, cnf, act, exp, policies, join }: AccessTokenClaims): readonly string[] {
  const binding =
    cnf === undefined
      ? 'nothing: everybody who has this token can use it, where no binding is required'
      : Object.entries(cnf)
          .map(([name, value]) => `${name === 'jkt' ? 'the DPoP key' : 'the certificate'} ${String(value)}`)
          .join(' and ');
  const actors = actorsOf(act);
  return [
    `accepted by   ${aud}, until ${new Date(exp * 1000).toISOString()}; every other service refuses its audience`,
    `bound to      ${binding}`,
    ...(actors.length === 0 ? [] : [`acting        ${actors.join(', for whom acted ')}`]),
    ...(policies === undefined
      ? []
      : [`policies      ${policies.join(' ')}, for a single request within the last minute`]),
    ...(join === undefined ? [] : [`keys only     ${join.join(' ')}`]),
    'checked       form, type, signature, issuer, times, claims, revocation, suspension',
  ];
}
