import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createEventsRoute, createHeldEventsRoute } from '../../../subgraphs/audit/log/events-route.ts';
import { createServiceRequest } from '../../support/service-request.ts';

const MEGABYTE = 1_048_576;

/** Each service shows its own token, named as itself. */
const authority: Omit<Parameters<typeof createEventsRoute>[0], 'ingest'> = {
  trustDomain: 'aduana.local',
  verify: (service) => {
    const claims = { client_id: service, sub: service, cnf: { 'x5t#S256': 'T' } };
    const scopes = new Set(['audit:events:write']);
    return Promise.resolve({ claims: claims as unknown as AccessTokenClaims, kid: 'k', scopes });
  },
};

const requestOf = (service: string, token: string, body: string) =>
  createServiceRequest({
    path: '/audit/events',
    headers: { authorization: `Bearer ${token}` },
    peer: {
      spiffeId: `spiffe://aduana.local/${service}`,
      thumbprint: 'T',
      chain: [],
      notAfter: Infinity,
    },
    encrypted: true,
    body,
  });

/** The route over an ingest that appends when a test says so */
function openRoute() {
  const waiting: (() => void)[] = [];
  const route = createEventsRoute({
    ...authority,
    ingest: {
      accept: () =>
        new Promise((resolve) => {
          waiting.push(() => {
            resolve(1);
          });
        }),
    },
  });
  const post = (service: string, bytes: number) =>
    route.handle(requestOf(service, service, 'x'.repeat(bytes)));
  const appendAll = (): void => {
    for (const append of waiting.splice(0)) append();
  };
  return { post, appendAll };
}

describe('POST /audit/events', () => {
  test('lets a peer that posts more than its share wait, and nobody else', async () => {
    const { post, appendAll } = openRoute();
    const first = [post('leads', 2 * MEGABYTE), post('leads', 2 * MEGABYTE)];
    await expect(post('leads', 1)).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
    const other = post('gateway', MEGABYTE);
    await Promise.resolve();
    await new Promise(setImmediate);
    appendAll();
    expect((await Promise.all([...first, other])).map(({ status }) => status)).toEqual([200, 200, 200]);

    const again = post('leads', 4 * MEGABYTE);
    await new Promise(setImmediate);
    appendAll();
    expect(await again).toMatchObject({ status: 200 });
  });
});

test('POST /audit/held-events takes events from each peer in its own name alone', async () => {
  const held: string[] = [];
  const hold = (peer: string) => Promise.resolve(held.push(peer));
  const route = createHeldEventsRoute({ ...authority, held: { hold } });
  expect(await route.handle(requestOf('leads', 'leads', '{}'))).toMatchObject({ status: 200 });
  await expect(route.handle(requestOf('leads', 'gateway', '{}'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  const nobody = { ...requestOf('leads', 'leads', '{}'), peer: undefined };
  await expect(route.handle(nobody)).rejects.toMatchObject({ code: 'MTLS_REQUIRED' });
  expect(held).toEqual(['leads']);
});
