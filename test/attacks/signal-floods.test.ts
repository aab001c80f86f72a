import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Clock } from '@aduana/core/platform/clock';
import { appendStatus } from '../../subgraphs/sts/status/status-rows.ts';
import { sendPoll } from '../../subgraphs/sts/signals/send-poll.ts';
import {
  createTakeSecurityEvent,
  type TakeSecurityEventOptions,
} from '../../subgraphs/sts/signals/take-security-event.ts';
import type { SecurityEventToken } from '../../subgraphs/sts/signals/security-event-token.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { describeOneStore } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';
import { SESSION_REVOKED } from '../support/transmitter.ts';

describeOneStore('what others put into the status feed', (openStore) => {
  let sts: TestSts;
  beforeAll(async () => {
    sts = await openTestSts({ openStore, clients: [] });
  });
  afterAll(() => sts.close());

  const MOST = 5;
  let sent = 0;
  const open = (
    bounds: Pick<TakeSecurityEventOptions, 'mostRevocations' | 'mostPerMinute'>,
    clock: Clock = sts.platform.clock,
  ) => {
    const { bus, log } = sts.platform;
    const takeSecurityEvent = createTakeSecurityEvent({
      verify: (issuer) => Promise.resolve(tokenOf(issuer)),
      database: sts.store.writer,
      seals: sts.seals,
      bus,
      status: sts.status,
      audit: sts.audit,
      clock,
      log,
      ...bounds,
    });
    return (text: string) => takeSecurityEvent(text, 'push', () => Promise.resolve(false));
  };
  /** @param text the issuer, and behind a blank the id of a token that was sent before */
  const tokenOf = (text: string) => {
    const [issuer, jti = `set-${String((sent += 1))}`] = text.split(' ');
    return {
      issuer: { issuer },
      signals: { events: [SESSION_REVOKED] },
      jti,
      events: new Map([[SESSION_REVOKED, {}]]),
      subject: `user-${String(sent)}`,
      refusedAfter: Math.floor(Date.now() / 1000) + 300,
    } as unknown as SecurityEventToken;
  };

  // The attacker: the least client, which revokes tokens of its own so that no event of a provider finds room.
  test('tokens that clients revoke keep no event of a provider out', async () => {
    const until = Math.floor(Date.now() / 1000) + 900;
    await sts.store.writer.transaction(async (transaction) => {
      for (let count = 0; count < 2 * MOST; count += 1) {
        const jti = `own-${String(count)}`;
        await appendStatus(
          transaction,
          `token:${jti}`,
          { kind: 'token_revoked', jti, until },
          Date.now(),
          sts.seals,
        );
      }
    });
    await expect(open({ mostRevocations: MOST })('https://one.example')).resolves.toBe('revoked');
  });

  // The attacker: a provider.
  test('a provider that sends events without end is refused, and another is heard', async () => {
    const take = open({ mostRevocations: MOST });
    const flood = async () => {
      for (let count = 0; count <= MOST; count += 1) await take('https://noisy.example');
    };
    await expect(flood()).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
    await expect(take('https://two.example')).resolves.toBe('revoked');
  });

  // The attacker: a provider whose events are valid. Each of them costs rows and two events of the log.
  test('a provider that sends more than its rate has to wait, and another is heard', async () => {
    const clock = createFakeClock();
    const take = open({ mostPerMinute: 3 }, clock);
    for (let count = 0; count < 3; count += 1)
      await expect(take('https://fast.example')).resolves.toBe('revoked');
    const records = sts.records.length;
    await expect(take('https://fast.example')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      status: 429,
      retryAfterSeconds: 60,
    });
    expect(sts.records).toHaveLength(records);
    await expect(take('https://slow.example')).resolves.toBe('revoked');
    await clock.advance(60_000);
    await expect(take('https://fast.example')).resolves.toBe('revoked');
  });

  // The attacker: who has one event of a provider from a log, and no key.
  test('an event that is sent again and again keeps no other event of its provider out', async () => {
    const take = open({ mostPerMinute: 3 }, createFakeClock());
    await expect(take('https://heard.example once')).resolves.toBe('revoked');
    for (let count = 0; count < 3; count += 1)
      await expect(take('https://heard.example once')).resolves.toBe('repeated');
    await expect(take('https://heard.example once')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(take('https://heard.example')).resolves.toBe('revoked');
  });
});

// The attacker: a provider that is polled. Each token that is refused is an event of the log.
test('a poll that answers with more than was asked for has no more than that looked at', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'aduana-poll-'));
  writeFileSync(join(folder, 'token'), 'secret\n');
  const sets = Object.fromEntries(Array.from({ length: 5_000 }, (_, number) => [`n${String(number)}`, 'x']));
  const server = createServer((_, response) => response.end(JSON.stringify({ sets })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const answer = await sendPoll({
      url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/poll`,
      ca: undefined,
      tokenFile: join(folder, 'token'),
      ack: [],
      setErrs: new Map(),
      signal: new AbortController().signal,
    });
    expect(answer.sets.size).toBe(100);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
