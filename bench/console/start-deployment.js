import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePorts, OTHER_CORE, startProgram } from '../start-process.js';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const run = promisify(execFile);

/** The whole deployment in one process, as `npm start` runs it, with its home in `folder`. */
export async function startWholeDeployment(folder, databaseUrl) {
  const [http, tls, sts, audit, admin, leads, console] = await freePorts(7);
  const env = {
    ...process.env,
    ADUANA_HOME: join(folder, 'home'),
    CERTS_DIR: join(folder, 'certs'),
    DATABASE_URL: databaseUrl,
    GATEWAY_HTTP_PORT: String(http),
    GATEWAY_TLS_PORT: String(tls),
    STS_PORT: String(sts),
    AUDIT_PORT: String(audit),
    ADMIN_PORT: String(admin),
    LEADS_PORT: String(leads),
    CONSOLE_PORT: String(console),
    LOG_LEVEL: 'warn',
  };
  const origin = `http://localhost:${console}`;
  await startProgram({
    name: 'aduana up',
    command: [process.execPath, MAIN, 'up'],
    env,
    core: `0,${OTHER_CORE}`,
    isReady: async () => {
      const { ok } = await fetch(`${origin}/health/ready`);
      if (!ok) throw new Error('not ready');
    },
  });
  const aduana = (...args) => run(process.execPath, [MAIN, ...args], { env });
  return {
    origin,
    /** Where a browser signs in, once. */
    loginUrl: async (as) => (await aduana('console', 'login', '--as', as)).stdout.trim(),
    /** One operation as a service, by its certificate. */
    query: async (as, document) => {
      const { stdout, stderr } = await aduana('query', '--as', as, document);
      return { ...JSON.parse(stdout), auditId: /audit-id: (\S+)/.exec(stderr)?.[1] };
    },
  };
}
