import { ANONYMOUS } from '../audit/audit-event.ts';
import type { AuditSink } from '../audit/audit-sink.ts';
import type { Engine } from '../iam/compile.ts';
import type { LivePolicies } from '../iam/live-policies.ts';
import { describeError } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';

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
  const gauge = metrics.gauge(
    'aduana_policies_loaded_seconds',
    'When the policies in force came into force, by their hash',
    ['service', 'sha256'],
  );
  const show = ({ sha256 }: Engine): void => {
    gauge.set({ service, sha256 }, policies.loadedAt / 1000);
  };
  show(policies.current());
  return policies.onChange((engine, { sha256: previous }) => {
    const { sha256 } = engine;
    gauge.remove({ service, sha256: previous });
    show(engine);
    audit
      .record({
        type: 'policy.reload',
        class_uid: 3004,
        outcome: 'ALLOWED',
        actor: { ...ANONYMOUS, sub: service, client_id: service },
        policy: { rule: null, sha256 },
        detail: { sha256, previous },
      })
      .catch((error: unknown) => {
        log.error('a change of policies could not be recorded', { error: describeError(error) });
      });
  });
}
