import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { FakeClock } from './fake-clock.ts';

export type FakeAuditService = ReturnType<typeof createFakeAuditService>;

/** An event as the audit client posts it. */
interface PostedEvent {
  readonly id: string;
  readonly type: string;
  readonly source: { readonly instance: string; readonly boot_id: string; readonly n: number };
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An audit service that takes, refuses, hangs or is away, as a test sets it. */
export function createFakeAuditService(clock: FakeClock) {
  const service = {
    events: [] as PostedEvent[],
    batches: 0,
    concurrent: 0,
    mostConcurrent: 0,
    answer: 'takes' as 'takes' | 'hangs' | Code,
    delayMilliseconds: 0,
    condemned: undefined as string | undefined,
    async post(body: string): Promise<void> {
      const { events } = JSON.parse(body) as { events: PostedEvent[] };
      service.batches += 1;
      service.concurrent += 1;
      service.mostConcurrent = Math.max(service.mostConcurrent, service.concurrent);
      await (service.delayMilliseconds > 0 ? clock.sleep(service.delayMilliseconds) : Promise.resolve());
      service.concurrent -= 1;
      if (service.answer === 'hangs') return new Promise(() => undefined);
      if (service.answer !== 'takes') throw new SecurityError(service.answer);
      if (events.some(({ id }) => id === service.condemned)) throw new SecurityError('AUDIT_CONFLICT');
      service.events.push(...events);
    },
  };
  return service;
}
