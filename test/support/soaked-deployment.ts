import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type AnswerLedger, openAnswerLedger } from './answer-ledger.ts';
import { type FaultyLink, openFaultyLink } from './faulty-link.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';
import { openRedisServers } from './redis-servers.ts';
import { type SeparateProcesses, startSeparateProcesses } from './separate-processes.ts';
import { type LoadRequest, startSteadyLoad, type SteadyLoad } from './steady-load.ts';

const POLICIES = new URL('../../policies', import.meta.url).pathname;
const LONGER = 'max_ttl_seconds: 900';
const SHORTER = 'max_ttl_seconds: 899';
const CALLERS = 6;
const REDIS_LOGIN = { user: 'soak', password: 'of-the-soak' };

/** The deployment over stores whose connections can be cut, under load by clients that follow the rotation of their secrets. */
export interface SoakedDeployment {
  readonly deployment: SeparateProcesses;
  readonly cluster: PostgresCluster;
  readonly toPostgres: FaultyLink;
  readonly toRedis: FaultyLink;
  readonly load: SteadyLoad;
  readonly ledger: AnswerLedger;
  /** Puts another policy set into force. */
  changePolicies(): Promise<void>;
  close(): Promise<void>;
}

export async function startSoakedDeployment(): Promise<SoakedDeployment> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0)) await closer();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-soak-'));
    closers.unshift(() => rm(folder, { recursive: true, force: true }));
    const policies = join(folder, 'policies');
    await cp(POLICIES, policies, { recursive: true });
    const cluster = await createPostgresCluster();
    closers.unshift(() => cluster.remove());
    await cluster.start();
    const toPostgres = await openFaultyLink(Number(new URL(cluster.url).port), true);
    closers.unshift(() => toPostgres.down());
    const toRedis = await openRedisLink(closers);
    const redisUrl = `redis://${REDIS_LOGIN.user}:${REDIS_LOGIN.password}@127.0.0.1:${String(toRedis.port)}`;
    const deployment = await startSeparateProcesses(
      Object.assign(new URL(cluster.url), { port: String(toPostgres.port) }).href,
      { POLICIES_DIR: policies, REDIS_URL: redisUrl },
    );
    closers.unshift(() => deployment.remove());
    const ledger = openAnswerLedger(cluster.url);
    closers.unshift(() => ledger.close());
    const credentials = await followSecrets(deployment, closers);
    const load = startSteadyLoad(deployment.gatewayUrl, CALLERS, (n) => requestOf(n, credentials));
    closers.unshift(() => load.stop());
    const changePolicies = () => changePolicy(join(policies, 'iam_policies.yaml'));
    return { deployment, cluster, toPostgres, toRedis, load, ledger, changePolicies, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Closers = (() => Promise<unknown>)[];
type Credentials = (service: 'bff' | 'actuator') => string;

async function openRedisLink(closers: Closers): Promise<FaultyLink> {
  const servers = await openRedisServers();
  closers.unshift(() => servers.close());
  const user = `user ${REDIS_LOGIN.user} on >${REDIS_LOGIN.password} ~* &* +@all`;
  const { port } = await servers.start('server', [user]);
  const link = await openFaultyLink(port, true);
  closers.unshift(() => link.down());
  return link;
}

/** The secrets that hold now: they are rotated, and clients go on. */
async function followSecrets(deployment: SeparateProcesses, closers: Closers): Promise<Credentials> {
  const clock = createSystemClock();
  const log = createLog('silent', () => undefined);
  const settings = { ADUANA_HOME: join(deployment.folder, 'home'), SECRET_PROVIDER: 'local' } as const;
  const secrets = await createSecretProvider({ settings, environment: {}, clock, log });
  closers.unshift(() => secrets.close());
  const held = { bff: deployment.credentials('bff'), actuator: deployment.credentials('actuator') };
  const read = async (): Promise<void> => {
    for (const service of ['bff', 'actuator'] as const) {
      const secret = (await secrets.get(clientSecretName(service)))?.value.reveal() ?? '';
      held[service] = basic(service, secret);
    }
  };
  const following = every(clock, () => 500, read, () => undefined); // prettier-ignore
  closers.unshift(() => following.stop());
  return (service) => held[service];
}

function basic(client: string, secret: string): string {
  return `Basic ${Buffer.from(`${client}:${encodeURIComponent(secret)}`).toString('base64')}`;
}

/** Of twenty requests fourteen read, three write, and one each is of nobody, forbidden, and not valid. */
function requestOf(n: number, credentials: Credentials): LoadRequest {
  const reading = { authorization: credentials('bff'), document: '{ leads { company } }' };
  const writing = `mutation { advanceLead(id: "lead-${String(1 + (n % 3))}", to: CONTACTED, idempotencyKey: "${String(n)}") { id } }`;
  const turn = n % 20;
  if (turn < 3) return { authorization: credentials('actuator'), document: writing };
  if (turn === 3) return { ...reading, authorization: basic('nobody', 'no secret') };
  if (turn === 4) return { ...reading, document: writing };
  if (turn === 5) return { ...reading, document: '{ nothingOfTheKind }' };
  return reading;
}

async function changePolicy(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.includes(LONGER) ? text.replace(LONGER, SHORTER) : text.replace(SHORTER, LONGER),
  );
}
