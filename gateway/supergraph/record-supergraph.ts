import { ANONYMOUS, type AuditOutcome } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { auditEvent, type EventDetail } from '@aduana/client/audit/event-catalogue';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { SupergraphManager } from './supergraph-manager.ts';

const LONGEST_PROBLEM = 2_000;
const ACTOR = { ...ANONYMOUS, sub: 'gateway', client_id: 'gateway' };

/**
 * Records each new supergraph that comes into force or is refused, and shows the hash of the one in force among the metrics.
 */
export function recordSupergraph(
  manager: SupergraphManager,
  audit: AuditSink,
  { clock, log, metrics }: Pick<Platform, 'clock' | 'log' | 'metrics'>,
): void {
  const loaded = metrics.gauge('aduana_supergraph_loaded_timestamp_seconds');
  let { hash } = manager.current();
  let recorded: string | undefined;
  const show = (): void => {
    loaded.set({ sha256: hash }, clock.now() / 1000);
  };
  const record = (outcome: AuditOutcome, detail: EventDetail<'supergraph.load'>): void => {
    audit
      .record({
        ...auditEvent('supergraph.load', { source: manager.source, ...detail }),
        outcome,
        actor: ACTOR,
      })
      .catch((error: unknown) => {
        log.error('a change of the supergraph could not be recorded', { error: describeError(error) });
      });
  };
  show();
  manager.onUpdate((next) => {
    const previous = hash;
    recorded = undefined;
    loaded.remove({ sha256: previous });
    ({ hash } = next);
    show();
    record('ALLOWED', { sha256: hash, previous });
  });
  manager.onRefusal((problem) => {
    if (problem === recorded) return; // polling met it again
    recorded = problem;
    record('FAILED', { previous: hash, problem: problem.slice(0, LONGEST_PROBLEM) });
  });
}
