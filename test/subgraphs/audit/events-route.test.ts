import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createEventsRoute } from '../../../subgraphs/audit/log/events-route.ts';
import { createServiceRequest } from '../../support/service-request.ts';

const MEGABYTE = 1_048_576;

/** The route over an ingest that appends when a test says so; each service shows its own token, named as itself. */
function openRoute() {
  const waiting: (() => void)[] = [];
  const route = createEventsRoute({
    trustDomain: 'aduana.local',
    verify: (service) => {
      const claims = { client_id: service, sub: service, cnf: { 'x5t#S256': 'T' } };
      const scopes = new Set(['audit:events:write']);
      return Promise.resolve({ claims: claims as unknown as AccessTokenClaims, kid: 'k', scopes });
    },
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
    route.handle(
      createServiceRequest({
        path: '/audit/events',
        headers: { authorization: `Bearer ${service}` },
        peer: {
          spiffeId: `spiffe://aduana.local/${service}`,
          thumbprint: 'T',
          chain: [],
          notAfter: Infinity,
        },
        encrypted: true,
        body: 'x'.repeat(bytes),
      }),
    );
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
