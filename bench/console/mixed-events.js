import { uuidv7 } from '@aduana/core/platform/ids';
import { RECORD } from '../audit/event-record.js';

/** When the log begins: so that its last event is of the minute in which it is made. */
const EVENT_MS = 100;
const OPERATIONS = ['Leads', 'LeadById', 'Whoami', 'Pipeline', 'Forecast', null];
const FIELDS = [
  'Query.leads',
  'Query.lead',
  'Query.whoami',
  'Lead.company',
  'Lead.score',
  'Lead.contact',
  'Contact.email',
  'Contact.phone',
];

/**
 * What a busy deployment records: of ten events seven requests, of which one in fifty is refused in part, one in a hundred
 * wholly, and one in a thousand fails; and three exchanges of tokens.
 *
 * @param bootId whose events these are
 * @param began milliseconds since the epoch
 */
export function createMixedEvents(bootId, began) {
  const counted = { gateway: 0, sts: 0 };
  return (at) => {
    const isRequest = at % 10 < 7;
    const peer = isRequest ? 'gateway' : 'sts';
    const time = began + at * EVENT_MS;
    const source = { instance: `${peer}@seed`, boot_id: bootId, n: counted[peer]++ };
    const sub = at % 4 === 0 ? `user-${String(at % 5000)}` : at % 17 === 0 ? 'actuator' : 'bff';
    const event = {
      ...RECORD,
      ...{ v: 1, id: uuidv7(time), time: new Date(time).toISOString(), source },
      actor: { ...RECORD.actor, sub },
      trace: { trace_id: hexOf(at, 32), span_id: hexOf(at, 16) },
      ...(isRequest ? requestOf(at) : exchangeOf(at)),
    };
    return { peer, event };
  };
}

/** How long before its last event a log of so many begins. */
export function lengthOf(count) {
  return count * EVENT_MS;
}

function requestOf(at) {
  const outcome =
    at % 1000 === 1 ? 'FAILED' : at % 100 === 2 ? 'DENIED' : at % 50 === 3 ? 'PARTIAL' : 'ALLOWED';
  const because = [
    {
      missing: 'leads:pii:read',
      reason: 'not_granted',
      roles: [{ role: 'bff', location: 'iam_policies.yaml:22' }],
      granted_by: [{ role: 'sales', location: 'iam_policies.yaml:26' }],
    },
  ];
  const refused = [{ coordinate: 'Lead.contact', path: 'leads.@.contact', because }];
  return {
    outcome,
    request: {
      ...RECORD.request,
      operation_name: OPERATIONS[at % OPERATIONS.length],
      document_sha256: hexOf(at % 40, 64),
      fields: FIELDS.slice(at % 3, 3 + (at % 6)),
    },
    detail: { ...RECORD.detail, ...(outcome === 'PARTIAL' || outcome === 'DENIED' ? { refused } : {}) },
  };
}

function exchangeOf(at) {
  return {
    type: 'token.exchange',
    class_uid: 3002,
    outcome: 'ALLOWED',
    request: null,
    detail: { audience: at % 2 === 0 ? 'gateway' : 'leads', jti: hexOf(at, 32) },
  };
}

function hexOf(number, length) {
  return number.toString(16).padStart(length, '0');
}
