import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSystemClock } from '@aduana/core/platform/clock';
import { uuid } from '@aduana/core/platform/ids';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { guardSchema } from '@aduana/subgraph';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createClient } from 'graphql-sse';
import { Redis } from 'ioredis';
import { createLeadsHandler } from '../../../examples/leads/graphql-handler.ts';
import { createLeadBook, type LeadBook } from '../../../examples/leads/lead-book.ts';
import { createRedisChannel } from '../../../examples/leads/redis-channel.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from '../../../examples/leads/sample-leads.ts';
import type { StepChannel } from '../../../examples/leads/step-channel.ts';
import { type FaultyLink, openFaultyLink } from '../../support/faulty-link.ts';
import { describeRedis, redisUrl } from '../../support/redis.ts';
import { until } from '../../support/until.ts';

const TOKEN: VerifiedToken = {
  claims: {
    iss: 'https://localhost:8011', aud: 'leads', sub: 'bff', client_id: 'gateway', jti: 'j', root_jti: 'j', iat: 0, exp: 9e9,
    auth_time: 0, scope: 'leads:read leads:write', roles: [], amr: [], sub_kind: 'service', sub_iss: 'sts',
  },
  kid: 'k',
  scopes: new Set(['leads:read', 'leads:write']),
}; // prettier-ignore
const CHANGED = 'subscription { leadChanged { id status } }';

interface Heard {
  readonly changes: unknown[];
  failure: unknown;
  stop(): void;
}

/** One replica of the example, but for mTLS. */
interface Replica {
  readonly book: LeadBook;
  readonly channel: StepChannel;
  readonly url: string;
  readonly server: Server;
}

describeRedis('replicas of the leads example over Redis', () => {
  const name = `leads:steps:${uuid()}`;
  const log = createLog('silent', () => undefined);
  const clock = createSystemClock();
  const heard: Heard[] = [];
  let link: FaultyLink;
  let one: Replica;
  let other: Replica;

  async function open(url: string): Promise<Replica> {
    const channel = createRedisChannel({ url, clock, log, name });
    const book = createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, clock, channel);
    const handle = await createLeadsHandler({ book, guard: guardSchema, clock, log });
    const server = createServer(admitNodeHttp({ admit: () => Promise.resolve(TOKEN) }, handle));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await until(() => channel.isOpen);
    return { book, channel, url: `http://127.0.0.1:${String(port)}/graphql`, server };
  }

  beforeAll(async () => {
    const { hostname, port } = new URL(redisUrl ?? '');
    expect(['127.0.0.1', 'localhost']).toContain(hostname);
    link = await openFaultyLink(Number(port === '' ? 6379 : port), true);
    const linked = new URL(redisUrl ?? '');
    linked.port = String(link.port);
    one = await open(redisUrl ?? '');
    other = await open(linked.href);
  });
  afterEach(() => {
    for (const { stop } of heard.splice(0)) stop();
  });
  afterAll(async () => {
    for (const { book, server } of [one, other]) {
      book.close();
      server.closeAllConnections();
      server.close();
    }
    await link.down();
  });

  /** A subscriber of one replica, over its own protocol. */
  async function subscribe({ url, book }: Replica): Promise<Heard> {
    const client = createClient({ url, retryAttempts: 0, abortControllerImpl: AbortController });
    const listening: Heard = { changes: [], failure: undefined, stop: () => { client.dispose(); } }; // prettier-ignore
    client.subscribe(
      { query: CHANGED },
      {
        next: ({ data }) => void listening.changes.push(data?.['leadChanged']),
        error: (error) => (listening.failure = error ?? 'failed'),
        complete: () => undefined,
      },
    );
    heard.push(listening);
    await until(
      () => listening.changes.length > 0,
      () => book.advance('lead-10', 'NEW', uuid()),
    );
    return listening;
  }
  const ofLead = ({ changes }: Heard, lead: string): unknown[] =>
    changes.filter((change) => (change as { id: string }).id === lead);

  test('a change at either reaches the subscribers of both, once each and in one order', async () => {
    const [here, there] = [await subscribe(one), await subscribe(other)];
    const statuses = ['CONTACTED', 'QUALIFIED', 'LOST', 'NEW'] as const;
    await Promise.all(
      statuses.map((status, at) => (at % 2 === 0 ? one : other).book.advance('lead-1', status, uuid())),
    );
    await until(() => ofLead(here, 'lead-1').length === 4 && ofLead(there, 'lead-1').length === 4);
    expect(ofLead(here, 'lead-1')).toEqual(ofLead(there, 'lead-1'));
    expect(one.book.lead('lead-1')).toEqual(other.book.lead('lead-1'));
  });

  test('a mutation answers when its own replica has the change', async () => {
    expect(await one.book.advance('lead-2', 'CONTACTED', uuid())).toMatchObject({ status: 'CONTACTED' });
    expect(one.book.lead('lead-2')?.status).toBe('CONTACTED');
  });

  test('a step that is sent again to another replica is done once', async () => {
    const key = uuid();
    await one.book.advance('lead-3', 'QUALIFIED', key);
    await until(() => other.book.lead('lead-3')?.status === 'QUALIFIED');
    await one.book.advance('lead-3', 'LOST', uuid());
    await until(() => other.book.lead('lead-3')?.status === 'LOST');
    expect(await other.book.advance('lead-3', 'QUALIFIED', key)).toMatchObject({ status: 'LOST' });
  });

  test('what is none of its messages changes nothing', async () => {
    const there = await subscribe(other);
    const forged = { id: 'lead-4', status: 'STOLEN', changedAt: 1, idempotencyKey: 'k' };
    const redis = new Redis(redisUrl ?? '');
    for (const text of ['', '{', '[]', JSON.stringify({ message: 'm', step: forged }), 'x'.repeat(10_000)])
      await redis.publish(name, text);
    redis.disconnect();
    await one.book.advance('lead-5', 'NEW', uuid());
    await until(() => ofLead(there, 'lead-5').length === 1);
    expect(ofLead(there, 'lead-4')).toEqual([]);
    expect(other.book.lead('lead-4')?.status).toBe('NEW');
  });

  test('while Redis is away its streams break off, nothing is changed, and nobody subscribes in vain', async () => {
    const there = await subscribe(other);
    await link.down();
    await until(() => there.failure !== undefined);
    expect(other.channel.isOpen).toBe(false);
    await expect(other.book.advance('lead-6', 'LOST', uuid())).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(other.book.lead('lead-6')?.status).toBe('NEW');
    expect(() => other.book.changes(undefined)).toThrow(expect.objectContaining({ code: 'NOT_READY' }));
    await link.up();
    await until(() => other.channel.isOpen);
    expect(await subscribe(other)).toMatchObject({ failure: undefined });
  });
});
