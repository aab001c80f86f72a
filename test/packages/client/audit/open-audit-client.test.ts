import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAuditClient } from '@aduana/client/audit/open-audit-client';
import type { SecurePeer } from '@aduana/core/mtls-client/secure-peer';
import { Secret } from '@aduana/core/secrets/secret';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { measureBody } from '../../../../subgraphs/audit/log/measure-body.ts';
import { REQUEST_RECORD } from '../../../support/audit-events.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { until } from '../../../support/until.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-client-'));
});
afterEach(() => rm(folder, { recursive: true }));

const openClient = (peer: SecurePeer, clock: FakeClock) =>
  openAuditClient({
    peer,
    token: () => Promise.resolve(Secret.of('token')),
    instance: 'orders-1',
    spool: { folder, key: Buffer.alloc(32, 1), maxBytes: 100_000_000 },
    mode: 'fail_closed',
    platform: { clock, log: createLog('silent', () => undefined) },
  });

test.each([401, 403, 408, 429, 500, 503])(
  'what is answered with %d is kept, and sent again',
  async (status) => {
    const log: string[] = [];
    const clock = createFakeClock();
    const passUntil = (holds: () => boolean) =>
      until(async () => {
        await clock.advance(1_000);
        return holds();
      });
    const service = { refuses: true, refused: 0 };
    const peer = {
      request: ({ body }: { readonly body: string }) => {
        if (service.refuses) service.refused += 1;
        else log.push(...(JSON.parse(body) as { events: { id: string }[] }).events.map(({ id }) => id));
        return Promise.resolve({
          status: service.refuses ? status : 200,
          headers: {},
          body: Buffer.from('{}'),
        });
      },
    } as unknown as SecurePeer;
    const { audit, close } = await openClient(peer, clock);
    const ids = [await audit.record(REQUEST_RECORD), await audit.record(REQUEST_RECORD)];
    await passUntil(() => service.refused > 2);
    service.refuses = false;
    await passUntil(() => audit.state === 'ok');
    expect(log.filter((id) => ids.includes(id))).toEqual(ids);
    await close();
  },
);

test.each([false, true])(
  'no body has more values than the log takes at once; spooled: %s',
  async (isSpooled) => {
    const bodies: Buffer[] = [];
    const clock = createFakeClock();
    let isAway = isSpooled;
    let answer = (): void => undefined;
    const first = new Promise<void>((resolve) => (answer = resolve));
    const peer = {
      request: async ({ body }: { readonly body: string }) => {
        if (isAway) throw new Error('away');
        bodies.push(Buffer.from(body));
        await first;
        return { status: 200, headers: {}, body: Buffer.from('{}') };
      },
    } as unknown as SecurePeer;
    const { audit, close } = await openClient(peer, clock);
    const detail = { numbers: new Array<number>(1_000).fill(1) };
    const recorded = Array.from({ length: 600 }, () => audit.record({ ...REQUEST_RECORD, detail }));
    if (isSpooled) await Promise.all(recorded);
    isAway = false;
    await until(async () => {
      await clock.advance(1_000);
      return bodies.length > 0;
    });
    answer();
    const events = () => bodies.reduce((sum, body) => sum + measureBody(body).events, 0);
    await until(async () => {
      await clock.advance(1_000);
      return events() > 600;
    });
    await Promise.all(recorded);
    await close();
    expect(bodies.length).toBeLessThan(20);
    expect(Math.max(...bodies.map((body) => measureBody(body).values))).toBeLessThan(131_072);
  },
);
