import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';

const MUTATION = `mutation ($id: ID!) {
  rotateServiceSecret(serviceId: $id, graceSeconds: 0, reason: "a test") { version secret }
}`;
const FOR_ADMIN = { grant_type: 'client_credentials', client_id: 'operator', audience: 'admin' };

describe('the secret that an operator rotates, over PGlite', () => {
  let deployment: TestDeployment;
  beforeAll(async () => {
    deployment = await startTestDeployment();
  });
  afterAll(() => deployment.stop());

  const file = (name: string): Promise<string> => readFile(join(deployment.folder, 'certs', name), 'utf8');

  /** The JSON that the operator's certificate is answered. */
  async function post(
    port: 'GATEWAY_TLS_PORT' | 'ADMIN_PORT' | 'STS_PORT',
    path: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const [ca, cert, key] = await Promise.all(['ca.crt', 'operator.crt', 'operator.key'].map(file));
    const at = { host: 'localhost', port: deployment.ports[port], path, method: 'POST', agent: false };
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = request({ ...at, headers, ca, cert, key }, (response) => {
        text(response).then(resolve, reject);
      });
      sent.on('error', reject).end(body);
    });
    return JSON.parse(answer) as Readonly<Record<string, unknown>>;
  }

  const rotate = (port: 'GATEWAY_TLS_PORT' | 'ADMIN_PORT', id: string, headers = {}): Promise<unknown> =>
    post(port, '/graphql', JSON.stringify({ query: MUTATION, variables: { id } }), {
      'content-type': 'application/json',
      ...headers,
    });
  const shown = (secret: unknown) => ({
    data: { rotateServiceSecret: { version: expect.any(Number), secret } },
  });

  test('over the gateway, is shown where the operator may see it, and else to nobody', async () => {
    expect(await rotate('GATEWAY_TLS_PORT', 'operator')).toMatchObject(shown(expect.any(String)));
    expect(await rotate('GATEWAY_TLS_PORT', 'bff')).toMatchObject(shown(null));
  });

  test('and so it is by the admin service directly', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const { access_token: token } = await post(
      'STS_PORT',
      '/sts/token',
      new URLSearchParams(FOR_ADMIN).toString(),
      form,
    );
    const authorization = `Bearer ${String(token)}`;
    expect(await rotate('ADMIN_PORT', 'operator', { authorization })).toMatchObject(
      shown(expect.any(String)),
    );
    expect(await rotate('ADMIN_PORT', 'bff', { authorization })).toMatchObject(shown(null));
  });

  test('a service is suspended and restored with a token for that alone', async () => {
    for (const action of ['suspend', 'restore'])
      expect(await deployment.aduana('services', action, 'bff', '--reason', 'a test')).toMatchObject({
        code: 0,
      });
  });
});
