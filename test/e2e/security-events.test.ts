import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createClient } from 'graphql-sse';
import { freePort } from '../support/free-port.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { openTransmitter, SESSION_REVOKED, type Transmitter } from '../support/transmitter.ts';
import { underLoad, until } from '../support/until.ts';

const ACTUATOR_CLIENT_SECRET = 'a-secret-of-the-actuator-long-enough';
const ACTUATOR = `Basic ${Buffer.from(`actuator:${ACTUATOR_CLIENT_SECRET}`).toString('base64')}`;
const CHANGES = 'subscription { leadChanged { id company } }';

interface Result {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[];
}

/** A user's stream, as its client sees it. */
interface Listening {
  readonly results: Result[];
  failure: unknown;
  endedAt: number | undefined;
}

describe('a SET that a transmitter pushes to a running deployment', () => {
  let folder: string;
  let provider: Transmitter;
  let deployment: TestDeployment;
  let events: number;
  let url: string;
  const clients: { dispose(): void }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-events-'));
    provider = await openTransmitter();
    events = await freePort();
    const policies = join(folder, 'policies');
    await cp('policies', policies, { recursive: true });
    const { issuer } = provider;
    await writeFile(
      join(policies, 'trusted_issuers.yaml'),
      `version: 1
issuers:
  - { issuer: "${issuer}", jwks_uri: "${issuer}/jwks", algorithms: [ES256], audience: aduana, claims: { groups: { sales: sales } }, ssf: { audience: aduana-events, events: ["${SESSION_REVOKED}"] } }
`,
    );
    deployment = await startTestDeployment({
      folder,
      environment: { POLICIES_DIR: policies, ACTUATOR_CLIENT_SECRET, SSF_PORT: String(events) },
    });
    url = `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
  });
  afterAll(async () => {
    for (const client of clients) client.dispose();
    await deployment.stop();
    await provider.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function listen(token: string): Listening {
    const client = createClient({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });
    clients.push(client);
    const listening: Listening = { results: [], failure: undefined, endedAt: undefined };
    const end = (error?: unknown): void => {
      listening.failure = error;
      listening.endedAt = performance.now();
    };
    client.subscribe(
      { query: CHANGES },
      { next: (result) => void listening.results.push(result as Result), error: end, complete: end },
    );
    return listening;
  }
  let step = 0;
  const advance = async (): Promise<void> => {
    step += 1;
    const to = step % 2 === 0 ? 'NEW' : 'CONTACTED';
    const query = `mutation { advanceLead(id: "lead-1", to: ${to}, idempotencyKey: "set-${String(step)}-key") { id } }`;
    const headers = { authorization: ACTUATOR, 'content-type': 'application/json' };
    await (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })).text();
  };
  const untilHeard = ({ results }: Listening): Promise<void> => until(() => results.length > 0, advance);
  const codesOf = ({ results }: Listening): unknown[] =>
    results.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions?.code));

  /** No client certificate, as a transmitter has none. */
  async function push(set: string): Promise<{ status: number | undefined; body: string }> {
    const ca = await readFile(join(folder, 'certs/ca.crt'));
    return new Promise((resolve, reject) => {
      request(
        {
          host: 'localhost',
          port: events,
          path: '/ssf/events',
          method: 'POST',
          ca,
          agent: false,
          headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json' },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            resolve({ status: answer.statusCode, body: Buffer.concat(chunks).toString() });
          });
        },
      )
        .on('error', reject)
        .end(set);
    });
  }
  const subjectOf = (sub: string) => ({ sub_id: { format: 'iss_sub', iss: provider.issuer, sub } });

  test("ends the user's stream within two seconds, and nobody else's", async () => {
    const [ana, luis] = [listen(await provider.signUser('ana')), listen(await provider.signUser('luis'))];
    await untilHeard(ana);
    await untilHeard(luis);
    const set = await provider.sign(subjectOf('ana'));
    expect(await push(set)).toMatchObject({ status: 202 });
    const pushedAt = performance.now();
    await until(() => ana.endedAt !== undefined, advance);
    expect((ana.endedAt ?? Infinity) - pushedAt).toBeLessThan(underLoad(2_000));
    expect(codesOf(ana)).toEqual(['UNAUTHENTICATED']);
    const heard = luis.results.length;
    await until(() => luis.results.length > heard, advance);
    expect(luis).toMatchObject({ endedAt: undefined });
    expect(await push(set)).toMatchObject({ status: 202 });
  });

  test('of somebody else changes nothing', async () => {
    const foreign = await openTransmitter();
    const eva = listen(await provider.signUser('eva'));
    await untilHeard(eva);
    const forged = await foreign.sign({ iss: provider.issuer, ...subjectOf('eva') });
    expect(await push(forged)).toMatchObject({ status: 400, body: expect.stringContaining('invalid_key') });
    const heard = eva.results.length;
    await until(() => eva.results.length > heard, advance);
    expect(eva).toMatchObject({ endedAt: undefined });
    await foreign.stop();
  });

  test('is in the audit log, with what came of it', async () => {
    const outcomesOf = async (type: string): Promise<string> =>
      (
        await deployment.aduana(
          'query', '--as', 'auditor', `{ auditEvents(filter: { type: "${type}" }, last: 20) { edges { node { outcome } } } }`,
        )
      ).stdout; // prettier-ignore
    expect(await outcomesOf('signal.receive')).toContain('ALLOWED');
    expect(await outcomesOf('signal.refuse')).toContain('DENIED');
    expect(await outcomesOf('subject.revoke')).toContain('ALLOWED');
  });
});
