import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditTrace } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import { ownRow, ownRows, type Sealed, sealOf, SERVICE_STATES, type ServiceStateRow } from './sealed-rows.ts';
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

/**
 * Without these no suspension could be delivered, decided or recorded, and so none ended: a captured one is ended by
 * revoking its certificate. The gateway is none of them, as the operator reaches this service without it.
 */
const ESSENTIAL = new Set(['sts', 'admin', 'audit']);

export function createServiceStates(options: {
  readonly writer: Database;
  readonly reader: Database;
  readonly outbox: StatusOutbox;
  readonly seals: ReportedSeals;
  readonly audit: AuditSink;
  readonly clock: Clock;
}): ServiceStates {
  const { writer, reader, outbox, seals, audit, clock } = options;

  async function set(service: string, suspended: boolean, { actor, trace, reason }: Decided): Promise<void> {
    const at = clock.now();
    const id = uuidv7(at);
    const changed = await writer.exclusively(OUTBOX_LOCK, async (transaction) => {
      const { rows } = await transaction.query<Sealed<ServiceStateRow>>(
        'SELECT service, suspended, event_id, reason, actor, at, seal FROM service_states WHERE service = $1',
        [service],
      );
      const row = { service, suspended, event_id: id, reason, actor: actor.sub, at };
      await transaction.query(
        `INSERT INTO service_states (service, suspended, event_id, reason, actor, at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (service) DO UPDATE SET suspended = $2, event_id = $3, reason = $4, actor = $5, at = $6, seal = $7`,
        [service, suspended, id, reason, actor.sub, at, sealOf(SERVICE_STATES, row, seals)],
      );
      // Also where nothing seems to change: a row of before may have been put back, and the feed would know better.
      await outbox.add(transaction, {
        id,
        kind: suspended ? 'service_suspended' : 'service_restored',
        service,
      });
      return ownRow(SERVICE_STATES, rows[0], seals)?.suspended !== suspended;
    });
    await outbox.deliver();
    await audit.record({
      ...auditEvent(suspended ? 'service.suspend' : 'service.restore', { service, reason, changed }),
      outcome: 'ALLOWED',
      actor,
      trace,
    });
  }

  return {
    async suspended() {
      const { rows } = await reader.query<Sealed<ServiceStateRow>>(
        'SELECT service, suspended, event_id, reason, actor, at, seal FROM service_states',
      );
      const own = ownRows(SERVICE_STATES, rows, seals);
      return new Set(own.filter((row) => row.suspended).map(({ service }) => service));
    },
    async suspend(service, decided) {
      if (ESSENTIAL.has(service) || service === decided.actor.sub)
        throw new SecurityError('SERVICE_ESSENTIAL');
      await set(service, true, decided);
    },
    restore: (service, decided) => set(service, false, decided),
  };
}
