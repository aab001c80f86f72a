import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { appendStatus } from '../../subgraphs/sts/status/status-rows.ts';
import { sendPoll } from '../../subgraphs/sts/signals/send-poll.ts';
import { createTakeSecurityEvent } from '../../subgraphs/sts/signals/take-security-event.ts';
import type { SecurityEventToken } from '../../subgraphs/sts/signals/security-event-token.ts';
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
  const take = (issuer: string) => {
    const token = {
      issuer: { issuer },
      signals: { events: [SESSION_REVOKED] },
      jti: `set-${String((sent += 1))}`,
      events: new Map([[SESSION_REVOKED, {}]]),
      subject: `user-${String(sent)}`,
      refusedAfter: Math.floor(Date.now() / 1000) + 300,
    } as unknown as SecurityEventToken;
    const { clock, bus, log } = sts.platform;
    const takeSecurityEvent = createTakeSecurityEvent({
      verify: () => Promise.resolve(token),
      database: sts.store.writer,
      seals: sts.seals,
      bus,
      status: sts.status,
      audit: sts.audit,
      clock,
      log,
      mostRevocations: MOST,
    });
    return takeSecurityEvent('', 'push', () => Promise.resolve(false));
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
    await expect(take('https://one.example')).resolves.toBe('revoked');
  });

  // The attacker: a provider.
  test('a provider that sends events without end is refused, and another is heard', async () => {
    const flood = async () => {
      for (let count = 0; count <= MOST; count += 1) await take('https://noisy.example');
    };
    await expect(flood()).rejects.toMatchObject({ code: 'OVERLOADED', status: 503 });
    await expect(take('https://two.example')).resolves.toBe('revoked');
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
