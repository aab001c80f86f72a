import { openSpool, type Spool } from '@aduana/client/audit/spool';
import type { SpoolDisk } from '@aduana/client/audit/spool-disk';
import { type AuditClient, createAuditClient } from '@aduana/client/audit/audit-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { type CrashingDisk } from './crashing-disk.ts';
import type { createFakeClock } from './fake-clock.ts';

export const MODES = ['takes', 'refuses', 'hangs', 'takes and fails'] as const;
const log = createLog('silent', () => undefined);

export interface Event {
  readonly id: string;
  readonly type: string;
  readonly source: { readonly boot_id: string; readonly n: number };
  readonly detail?: { readonly ranges?: readonly (readonly [number, number])[] };
}

/** A service that keeps events by their ids, and takes them as a test sets it. */
export class FakeLog {
  mode: (typeof MODES)[number] = 'takes';
  /** In the order of their arrival. */
  readonly entries = new Map<string, Event>();
  /** Stored, without the sender knowing. */
  readonly unknown = new Set<string>();

  async post(body: string, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    const { mode } = this;
    if (mode === 'hangs') return new Promise((_, reject) => { signal.addEventListener('abort', () => { reject(new Error('late')); }); }); // prettier-ignore
    if (mode !== 'refuses')
      for (const event of (JSON.parse(body) as { events: Event[] }).events) {
        this.entries.set(event.id, this.entries.get(event.id) ?? event);
        if (mode === 'takes and fails') this.unknown.add(event.id);
      }
    if (mode !== 'takes') throw new SecurityError('AUDIT_UNAVAILABLE');
  }
}

/** One life of a process: after its death nothing of what it still does has an effect. */
export class Life {
  isAlive = true;
  /** It is heard no more, while what it does to the disk still comes to its end. */
  isDying = false;
  readonly client: AuditClient;
  readonly #spool: Spool;

  private constructor(client: AuditClient, spool: Spool) {
    this.client = client;
    this.#spool = spool;
  }

  static async begin(
    disk: CrashingDisk,
    service: FakeLog,
    clock: ReturnType<typeof createFakeClock>,
  ): Promise<Life> {
    const state: { life?: Life } = {};
    const mortal = new Proxy(disk, {
      get:
        (target, name: keyof SpoolDisk) =>
        (...parameters: unknown[]) =>
          state.life?.isAlive === false
            ? new Promise(() => undefined)
            : (target[name] as (...all: unknown[]) => unknown)(...parameters),
    });
    const spool = await openSpool({
      folder: '/spool',
      key: Buffer.alloc(32, 1),
      maxBytes: 1e5,
      log,
      disk: mortal,
      segmentBytes: 3000,
    });
    const client = createAuditClient({
      instance: 'gateway@1',
      post: (body, signal) =>
        state.life?.isDying === true ? new Promise(() => undefined) : service.post(body, signal),
      spool,
      mode: 'fail_closed',
      platform: { clock, log, metrics: createMetrics() },
    });
    return (state.life = new Life(client, spool));
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.#spool.close();
    this.isAlive = false;
  }
}
