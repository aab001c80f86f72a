import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, NODE, OTHER_CORE, startProgram, startGateway } from './start-process.js';
import { composeWorkload, SUBGRAPHS } from './workload/supergraph.js';

const MAIN = resolve(import.meta.dirname, '../dist/cli/main.js');
const run = promisify(execFile);

/** A home of its own, with certificates: the subgraphs use them too. */
export async function prepareAduana(databaseUrl) {
  const folder = mkdtempSync(join(tmpdir(), 'aduana-bench-'));
  const [sts, audit, admin, leads] = await freePorts(4);
  const env = {
    NODE_ENV: 'production',
    APOLLO_TELEMETRY_DISABLED: 'true',
    ADUANA_HOME: join(folder, 'home'),
    CERTS_DIR: join(folder, 'certs'),
    DATABASE_URL: databaseUrl,
    STS_PORT: String(sts),
    AUDIT_PORT: String(audit),
    ADMIN_PORT: String(admin),
    LEADS_PORT: String(leads),
    SUPERGRAPH_CONFIG: join(folder, 'supergraph.yaml'),
    SUPERGRAPH_SDL: join(folder, 'supergraph.graphql'),
    LOG_LEVEL: 'warn',
    BFF_CLIENT_SECRET: randomBytes(32).toString('base64url'),
  };
  await run(process.execPath, [MAIN, 'certs'], { env: { ...process.env, ...env } });
  return { folder, env };
}

/** Starts the token service and the audit log, each a process, as production does. */
export async function startDeployment(deployment, ports) {
  const { env } = deployment;
  const urlOf = (name) => `https://localhost:${ports[name].https}/`;
  writeFileSync(env.SUPERGRAPH_SDL, composeWorkload(true, urlOf));
  writeFileSync(env.SUPERGRAPH_CONFIG, configOf(urlOf));
  return startStsAndAudit(deployment);
}

/** @param options `main`: the command of another checkout; `auditOptions`: flags of Node for the audit log */
export async function startStsAndAudit({ env, main = MAIN, auditOptions = [] }) {
  const ca = join(env.CERTS_DIR, 'ca.crt');
  const start = (service, port, options = []) =>
    startProgram({
      name: `aduana ${service}`,
      command: [process.execPath, ...options, main, service],
      env,
      core: OTHER_CORE,
      isReady: () => run('curl', ['--fail', '--silent', '--cacert', ca, `https://localhost:${port}/health`]),
    });
  return [await start('sts', env.STS_PORT), await start('audit', env.AUDIT_PORT, auditOptions)];
}

export async function startAduanaGateway({ env, folder, token, main = MAIN }, options = {}) {
  const [http, tls] = await freePorts(2);
  const url = `http://127.0.0.1:${http}/graphql`;
  const headers = async () => ({
    'content-type': 'application/json',
    authorization: `Bearer ${await token()}`,
  });
  const child = await startGateway({
    name: 'aduana gateway',
    command: [...NODE, main, 'gateway'],
    env: {
      ...env,
      // A home is one gateway's.
      ADUANA_HOME: join(folder, `home-${http}`),
      GATEWAY_HTTP_PORT: String(http),
      GATEWAY_TLS_PORT: String(tls),
      ...options,
    },
    url,
    headers: await headers(),
  });
  return { child, url, headers, isDeployment: true };
}

/** An access token of the caller, as its client secret gets it. */
export async function callerToken({ env }) {
  const { stdout } = await run(process.execPath, [MAIN, 'token', '--as', 'bff'], {
    env: { ...process.env, ...env },
  });
  return stdout.trim();
}

function configOf(urlOf) {
  const subgraphs = SUBGRAPHS.map((name) => {
    const file = resolve(import.meta.dirname, 'workload', `${name}.graphql`);
    return `  ${name}:\n    routing_url: ${urlOf(name)}\n    schema: { file: ${file} }\n    aduana: { audience: leads }\n`;
  });
  return `federation_version: =2.14.4\nsubgraphs:\n${subgraphs.join('')}`;
}
