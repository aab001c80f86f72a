import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  deploymentEnvironment,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';

interface PageAnswer {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly refused: readonly { readonly path: string; readonly code: string }[];
  readonly error?: string;
}

describe('a user of a trusted issuer at the BFF', () => {
  let folder: string;
  let provider: Server;
  let issuer: string;
  let key: CryptoKey;
  let deployment: TestDeployment;
  let bff: ChildProcess;
  let origin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-bff-'));
    const pair = await generateKeyPair('ES256');
    key = pair.privateKey;
    const jwks = JSON.stringify({
      keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'idp-1', alg: 'ES256' }],
    });
    provider = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end(jwks),
    );
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    issuer = `http://localhost:${String((provider.address() as AddressInfo).port)}`;
    const policies = join(folder, 'policies');
    await cp('policies', policies, { recursive: true });
    await writeFile(
      join(policies, 'trusted_issuers.yaml'),
      `version: 1
issuers:
  - { issuer: "${issuer}", jwks_uri: "${issuer}/jwks", algorithms: [ES256], audience: aduana, claims: { groups: { sales: sales } } }
`,
    );
    deployment = await startTestDeployment({ folder, environment: { POLICIES_DIR: policies } });
    bff = spawn(process.execPath, ['dist/cli/main.js', 'bff'], {
      env: deploymentEnvironment(folder, { BFF_PORT: '0' }),
    });
    const [line] = (await once(bff.stdout ?? bff, 'data')) as [Buffer];
    origin = /http:\/\/localhost:\d+/.exec(line.toString())?.[0] ?? '';
  });

  afterAll(async () => {
    bff.kill('SIGINT');
    await once(bff, 'exit');
    await deployment.stop();
    provider.close();
    await rm(folder, { recursive: true, force: true });
  });

  function tokenOf(groups: readonly string[], expiresIn = '5m'): Promise<string> {
    return new SignJWT({ groups })
      .setProtectedHeader({ alg: 'ES256', kid: 'idp-1', typ: 'JWT' })
      .setIssuer(issuer)
      .setSubject('ana')
      .setAudience('aduana')
      .setIssuedAt()
      .setExpirationTime(expiresIn)
      .sign(key);
  }

  async function call(operation: string, token: string | undefined, variables: object = {}) {
    const response = await fetch(`${origin}/api/${operation}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ variables }),
    });
    return { status: response.status, ...((await response.json()) as PageAnswer) };
  }

  test('is the subject, with the BFF as the one who acts', async () => {
    const { data } = await call('whoami', await tokenOf(['sales']));
    expect(data?.['whoami']).toMatchObject({ subject: 'ana', kind: 'USER', roles: ['sales'] });
    expect((data?.['whoami'] as { actors: string[] }).actors).toContain('bff');
  });

  test('sees what the user may see, which is more than the BFF may', async () => {
    const { data, refused } = await call('leads', await tokenOf(['sales']), { first: 1 });
    expect(refused).toEqual([]);
    expect(data).toMatchObject({ leads: [{ contact: { email: 'lucia.serrano@ebro.example' } }] });
  });

  test('without a role sees nothing, though the BFF itself might', async () => {
    const { data, refused } = await call('leads', await tokenOf(['strange']), { first: 1 });
    expect(data).toBeNull();
    expect(refused).toEqual([{ path: 'leads', code: 'UNAUTHORIZED_FIELD_OR_TYPE' }]);
  });

  test('whose token has expired is refused', async () => {
    const answer = await call('leads', await tokenOf(['sales'], '-5m'));
    expect(answer).toMatchObject({ status: 401, error: 'UNAUTHENTICATED' });
  });
});
