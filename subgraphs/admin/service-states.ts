import type { AuditActor, AuditTrace } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { Database } from '@aduana/core/store/database';
import { OUTBOX_LOCK, type StatusOutbox } from './status-outbox.ts';

/** Who decided, in which request, and why. */
export interface Decided {
  readonly actor: AuditActor;
  readonly trace: AuditTrace;
  readonly reason: string;
}

/** Which services are suspended: decided here, heard of everywhere through the status feed. */
export interface ServiceStates {
  suspended(): Promise<ReadonlySet<string>>;
  /** @throws SecurityError `SERVICE_ESSENTIAL` for one without which nothing could be restored, the asking one included */
  suspend(service: string, decided: Decided): Promise<void>;
  restore(service: string, decided: Decided): Promise<void>;
}

/** Without these nobody could restore a service any more. */
const ESSENTIAL = new Set(['gateway', 'sts', 'admin']);

export function createServiceStates(options: {
  readonly writer: Database;
  readonly reader: Database;
  readonly outbox: StatusOutbox;
  readonly audit: AuditSink;
  readonly clock: Clock;
}): ServiceStates {
  const { writer, reader, outbox, audit, clock } = options;

  async function set(service: string, suspended: boolean, { actor, trace, reason }: Decided): Promise<void> {
    const at = clock.now();
    const id = uuidv7(at);
    const changed = await writer.exclusively(OUTBOX_LOCK, async (transaction) => {
      const { affected } = await transaction.query(
        `INSERT INTO service_states (service, suspended, event_id, reason, actor, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (service) DO UPDATE SET suspended = $2, event_id = $3, reason = $4, actor = $5, at = $6
         WHERE service_states.suspended <> $2`,
        [service, suspended, id, reason, actor.sub, at],
      );
      if (affected > 0)
        await outbox.add(transaction, {
          id,
          kind: suspended ? 'service_suspended' : 'service_restored',
          service,
        });
      return affected > 0;
    });
    await outbox.deliver();
    await audit.record({
      type: suspended ? 'service.suspend' : 'service.restore',
      class_uid: 3004,
      outcome: 'ALLOWED',
      actor,
      trace,
      detail: { service, reason, changed },
    });
  }

  return {
    async suspended() {
      const { rows } = await reader.query<{ service: string }>(
        'SELECT service FROM service_states WHERE suspended',
      );
      return new Set(rows.map(({ service }) => service));
    },
    async suspend(service, decided) {
      if (ESSENTIAL.has(service) || service === decided.actor.sub)
        throw new SecurityError('SERVICE_ESSENTIAL');
      await set(service, true, decided);
    },
    restore: (service, decided) => set(service, false, decided),
  };
}
