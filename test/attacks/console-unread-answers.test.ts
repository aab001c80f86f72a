import { expect, test } from '@jest/globals';
import { createPlaces } from '../../console/server/session-places.ts';
import { createDataRoutes } from '../../console/server/data-routes.ts';
import type { CallerGateway } from '../../console/server/caller-gateway.ts';
import type { Session } from '../../console/server/session.ts';
import { createServiceRequest } from '../support/service-request.ts';

// The attacker: somebody who is signed in, asks for large answers without end, and reads none.
function openRoute() {
  const asked = { of: 'ana' };
  const gateway = {
    graphql: () => Promise.resolve({ status: 200, headers: {}, body: Buffer.alloc(10) }),
  } as unknown as CallerGateway;
  const [route] = createDataRoutes({
    route: (of, _kind, handle) => ({ ...of, handle }),
    sessions: { end: () => undefined } as never,
    requireSession: () => Promise.resolve({ issuer: 'https://idp', subject: asked.of } as Session),
    gateway,
  });
  const ask = () =>
    route?.handle(
      createServiceRequest({ headers: { 'content-type': 'application/json' }, body: '{"query":"{ a }"}' }),
    );
  return { asked, ask };
}

test('no more answers of one subject are kept than a page asks for, whatever its sessions are', async () => {
  const { asked, ask } = openRoute();
  const answers = [];
  for (let count = 0; count < 32; count += 1) answers.push(await ask());
  await expect(ask()).rejects.toMatchObject({ code: 'CONCURRENCY_LIMITED', status: 429 });
  asked.of = 'bea';
  await expect(ask()).resolves.toMatchObject({ status: 200 });
  asked.of = 'ana';
  answers[0]?.onSent?.();
  answers[0]?.onSent?.();
  await expect(ask()).resolves.toMatchObject({ status: 200 });
  await expect(ask()).rejects.toMatchObject({ code: 'CONCURRENCY_LIMITED' });
});

test('nor of all together', () => {
  const places = createPlaces(2, 3);
  const leave = places.enter('a');
  places.enter('a');
  places.enter('b');
  expect(() => places.enter('c')).toThrow(expect.objectContaining({ code: 'CONCURRENCY_LIMITED' }));
  leave();
  expect(() => places.enter('c')).not.toThrow();
});
