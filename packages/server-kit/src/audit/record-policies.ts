import { auditEvent } from '@aduana/client/audit/event-catalogue';
import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Engine } from '../iam/compile.ts';
import type { LivePolicies } from '../iam/live-policies.ts';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';

/**
 * Records each change of the policies that this replica decides by, and shows their hash among its metrics.
 *
 * @returns what ends that
 */
export function recordPolicies(
  service: string,
  policies: LivePolicies,
  audit: AuditSink,
  { log, metrics }: Pick<Platform, 'log' | 'metrics'>,
): () => void {
  const gauge = metrics.gauge('aduana_policies_loaded_seconds');
  const show = ({ sha256 }: Engine): void => {
    gauge.set({ sha256 }, policies.loadedAt / 1000);
  };
  show(policies.current());
  return policies.onChange((engine, { sha256: previous }) => {
    const { sha256 } = engine;
    gauge.remove({ sha256: previous });
    show(engine);
    audit
      .record({
        ...auditEvent('policy.reload', { sha256, previous }),
        outcome: 'ALLOWED',
        actor: { ...ANONYMOUS, sub: service, client_id: service },
        policy: { rule: null, sha256 },
      })
      .catch((error: unknown) => {
        log.error('a change of policies could not be recorded', { error: describeError(error) });
      });
  });
}
