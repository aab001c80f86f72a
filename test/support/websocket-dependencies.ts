import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { Metrics } from '@aduana/core/platform/metrics';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { HandlerDependencies } from '../../gateway/handler-dependencies.ts';
import { UNLIMITED } from '../../gateway/limits/miss-budget.ts';
import type { Supervised } from '../../gateway/streams/stream-supervisor.ts';
import type { FakeClock } from './fake-clock.ts';
import { delegatedOf } from './stream-world.ts';

export interface WebSocketDependenciesOptions {
  readonly clock: FakeClock;
  readonly metrics: Metrics;
  readonly bodyBytes: number;
  /** What the test has instead, or besides. */
  readonly more?: Partial<Record<keyof HandlerDependencies, unknown>>;
}

/** What lies behind the WebSockets of a gateway: everybody is admitted, and what happens is noted. */
export function webSocketDependencies({ clock, metrics, bodyBytes, more }: WebSocketDependenciesOptions) {
  const records: AuditRecord[] = [];
  const supervised = new Set<Supervised>();
  const dependencies = {
    platform: { clock, log: createLog('silent', () => undefined), metrics },
    browser: { publicHosts: [], allowedOrigins: [] },
    limits: { bodyBytes, batch: 'off', values: 'off' },
    streams: {
      supervisor: {
        add: (one: Supervised) => supervised.add(one),
        remove: (one: Supervised) => supervised.delete(one),
        version: () => 1,
        isDraining: false,
      },
      admit: ({ delegated }: { readonly delegated: object }) => ({
        delegated,
        expiresAt: Infinity,
        judge: () => undefined,
        renew: () => undefined,
        replace: () => true,
        noteRates: () => undefined,
      }),
    },
    audit: {
      record(record: AuditRecord) {
        records.push(record);
        return Promise.resolve('');
      },
    },
    budget: UNLIMITED,
    traffic: { begin: () => 0, note: () => undefined },
    flood: { count: () => Promise.resolve(undefined) },
    exchange: () => Promise.resolve(delegatedOf('a', {})),
    ...more,
    callers: {
      requireReading: () => undefined,
      keepUnread: () => ({
        begin: () => undefined,
        set: () => undefined,
        isTooMuch: false,
        release: () => undefined,
      }),
      ...(more?.callers ?? {}),
    },
  } as unknown as HandlerDependencies;
  return { dependencies, records, supervised };
}
