// The attacker is a caller who asks much and reads nothing: of later parts of answers, and of answers over WebSocket whose events
// are not durable yet, no more may be in memory than of whole answers.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { type CallerLimits, createCallerLimits } from '../../gateway/limits/caller-limits.ts';
import { countUnread } from '../../gateway/streams/count-unread.ts';
import { deferredBody } from '../../gateway/streams/deferred-answer.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';
import { openWebSocketWorld } from '../support/websocket-world.ts';

const MIB = 1_048_576;
const ANSWER = 'x'.repeat(4 * MIB);
const OPERATIONS = 100;
/** Half of what all callers together may have. */
const MOST = 128;

let limits: CallerLimits;
beforeEach(async () => {
  limits = await createCallerLimits(
    {
      LIMIT_CONCURRENT_OPERATIONS: 200,
      LIMIT_OPERATIONS_IN_PROGRESS: 1000,
      LIMIT_OPERATIONS_WAITING: 1000,
      LIMIT_UNREAD_BYTES: 2 * MOST * MIB,
      RATE_LIMIT_PER_MINUTE: 'off',
      REDIS_URL: undefined,
      TRUST_DOMAIN: 'x',
    } as never,
    {
      clock: createFakeClock(),
      metrics: createMetrics(),
      log: createLog('silent', () => undefined),
    } as never,
  );
});
afterEach(() => limits.close());

describe('what a caller does not read', () => {
  test('has no later parts beyond its room, and ends as too slow', async () => {
    const { caller } = delegatedOf('slow', {});
    const authorized = { caller, refusals: [], operationKey: '', scopes: new Set(), policies: [] };
    const later: (() => void)[] = [];
    const written: string[] = [];
    for (let operation = 0; operation < OPERATIONS; operation += 1) {
      const entry = { path: [], label: undefined, data: `"${ANSWER}"`, errors: [] };
      const rest = {
        run: async (deliver: (entries: readonly object[], hasNext: boolean) => void) => {
          await new Promise<void>((resolve) => later.push(resolve));
          deliver([entry], false);
        },
        leave: () => undefined,
      };
      const body = deferredBody(
        { text: '{"data":{}}', rest, validated: {}, authorized, supergraph: {} } as never,
        { judge: () => undefined, changesAfter: () => Infinity, delegated: { caller } } as never,
        {
          supervisor: { add: () => undefined, remove: () => undefined, version: () => 1 },
          ...{ refusals: 'none', clock: createFakeClock(), log: createLog('silent', () => undefined) },
        } as never,
      );
      const sink = {
        waitingBytes: 0,
        write(text: string) {
          sink.waitingBytes += text.length;
          written.push(text);
        },
        ...{ end: () => undefined, destroy: () => undefined, onClose: () => undefined },
      };
      countUnread({ status: 200, stream: body }, limits.keepUnread(caller), () => undefined).stream?.start(
        sink,
      );
    }
    for (const one of later) one();
    await nextTurn();
    expect(written.filter((text) => text.length > MIB).length).toBeLessThanOrEqual(MOST / 4 + 1);
    expect(written.filter((text) => text.includes('STREAM_TOO_SLOW')).length).toBeGreaterThan(OPERATIONS / 2);
  });

  test('over WebSocket counts while its event is not durable', async () => {
    const records: unknown[] = [];
    let isAsked = false;
    const world = await openWebSocketWorld({
      more: {
        callers: limits,
        engine: () => ({ sha256: '', rateConditions: [], roles: new Map() }),
        supergraph: () => ({ subgraphs: new Map() }),
        forward: () => ({}),
        audit: {
          record: (record: unknown) =>
            isAsked ? new Promise<void>(() => records.push(record)) : Promise.resolve(''),
        },
        measureOperation: () => {
          isAsked = true;
          return Promise.resolve({ status: 200, text: `{"data":"${ANSWER}"}` });
        },
      },
    });
    const client = await world.admit();
    for (let id = 0; id < OPERATIONS; id += 1)
      client.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: '{a}' } }));
    await until(() => records.length === OPERATIONS);
    const refused = records.filter((record) => JSON.stringify(record).includes('CONCURRENCY_LIMITED'));
    expect(records.length - refused.length).toBeLessThanOrEqual(MOST / 4);
    await world.close();
  });
});
