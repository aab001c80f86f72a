import { isObject } from '../log/parse-events.ts';
import type { Envelope, LoggedEvent } from './logged-event.ts';
import { classify } from './ocsf-classes.ts';
import { optional, tableOf } from './ocsf-text.ts';

export const OCSF_VERSION = '1.8.0';
const SEVERITY = tableOf({ ALLOWED: 1, PARTIAL: 1, FAILED: 2, DENIED: 3 });
const HIGH = 4;
const CRITICAL = 5;
const ALARMS = tableOf({
  'audit.tampered': CRITICAL,
  'audit.conflict': HIGH,
  'audit.gap': HIGH,
  'audit.incomplete': HIGH,
});

/** An event in the Open Cybersecurity Schema Framework, version 1.8.0; what has no place there is under `unmapped`. */
export function toOcsf(logged: LoggedEvent): Readonly<Record<string, unknown>> {
  const { seq, envelope } = logged;
  const { id, time, type, outcome, source, detail = {} } = envelope;
  const { classUid, activityId, activityName, attributes, profiles } = classify(envelope);
  const control = securityControl(envelope);
  const used = [...profiles, ...(control === undefined ? [] : ['security_control'])];
  return {
    ...attributes,
    ...control,
    activity_id: activityId,
    ...(activityName === undefined ? {} : { activity_name: activityName }),
    category_uid: Math.floor(classUid / 1000),
    class_uid: classUid,
    type_uid: classUid * 100 + activityId,
    severity_id: ALARMS.get(type) ?? SEVERITY.get(outcome) ?? 0,
    status_id: outcome === 'ALLOWED' || outcome === 'PARTIAL' ? 1 : 2,
    ...optional('status_code', detail['code']),
    ...optional('status_detail', detail['reason']),
    time: Date.parse(time),
    message: `${type} ${outcome}`,
    ...(Number.isSafeInteger(detail['count']) ? { count: detail['count'] } : {}),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Aduana', vendor_name: 'Aduana', feature: { name: source.peer } },
      uid: id,
      sequence: seq,
      event_code: type,
      log_name: 'aduana.audit',
      original_time: time,
      ...optional('correlation_uid', envelope.trace?.['trace_id']),
      ...(used.length === 0 ? {} : { profiles: used }),
    },
    unmapped: unmapped(logged),
  };
}

/**
 * What a source chose to write is text, whatever it is: as members, its names would become fields of a receiver's index,
 * without end, and the first type of one would keep out every event that has another.
 */
function unmapped({ leafHash, envelope }: LoggedEvent): Readonly<Record<string, unknown>> {
  const { outcome, source, actor, request, policy, detail } = envelope;
  const { peer, instance, boot_id, n } = source;
  const texts = { actor_json: actor, request_json: request, policy_json: policy, detail_json: detail };
  return {
    outcome,
    leaf_hash: leafHash,
    source: { peer, instance, boot_id, n },
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([name, value]) =>
        value == null ? [] : [[name, JSON.stringify(value)]],
      ),
    ),
  };
}

/** What the deployment as a control allowed or denied; a failure is neither. */
function securityControl({ outcome, policy }: Envelope): Readonly<Record<string, unknown>> | undefined {
  if (outcome === 'FAILED') return undefined;
  const isDenied = outcome === 'DENIED';
  const { rule, sha256 } = isObject(policy) ? policy : {};
  return {
    action_id: isDenied ? 2 : 1,
    disposition_id: isDenied ? 2 : 1,
    ...(typeof sha256 === 'string' ? { policy: { uid: sha256, ...optional('name', rule) } } : {}),
  };
}
