/** The attacker has the certificate of one service, and wants the index of a SIEM to grow, or to refuse what others record. */
import { expect, test } from '@jest/globals';
import { canonicalText } from '@aduana/client/audit/canonical';
import { formatRecord } from '../../subgraphs/audit/shippers/format-record.ts';
import { postedEvent } from '../support/audit-events.ts';

const CLASSES = [3002, 3003, 3004, 3005, 6002, 6003, 0];
const MEMBERS = ['actor', 'request', 'policy', 'trace', 'detail'];
/** What the mapping reads of these members, by whatever name. */
const READ = ['sub', 'client_id', 'auth_method', 'iss', 'rule', 'sha256', 'trace_id', 'span_id', 'code', 'reason', 'count', 'jti', 'scope', 'audience', 'kid', 'service', 'subject', 'source_address', 'operation_name', 'operation_kind', 'document_sha256', 'fields', 'subgraphs']; // prettier-ignore
const HOSTILE: readonly unknown[] = [
  'x',
  '',
  5,
  0.5,
  -1,
  1e300,
  true,
  null,
  [],
  ['x'],
  [1, 'x'],
  {},
  { odd: { deep: [{}] } },
];

function ocsf(event: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const canonical = canonicalText({ ...event, source: { peer: 'leads', instance: 'l', boot_id: 'b', n: 1 } });
  const record = {
    kind: 'entry',
    seq: 1,
    time: new Date(0),
    has_namesake: false,
    leaf_hash: Buffer.alloc(32),
    canonical,
  } as const;
  return JSON.parse(formatRecord(record, 'ocsf', 0).text) as Readonly<Record<string, unknown>>;
}

/** As an index maps a document: each path to the type of what is there; lists are of what they hold. */
function mappingOf(value: unknown, path = ''): readonly (readonly [path: string, type: string])[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value.flatMap((one: unknown) => mappingOf(one, path));
  if (typeof value === 'object')
    return [
      [path, 'object'],
      ...Object.entries(value).flatMap(([name, one]) => mappingOf(one, `${path}.${name}`)),
    ];
  if (typeof value === 'number') return [[path, Number.isSafeInteger(value) ? 'long' : 'float']];
  return [[path, typeof value]];
}

const ordinary = CLASSES.flatMap((classUid) =>
  ['request', 'app.order', 'app.create'].map((type) =>
    ocsf(
      postedEvent({
        type,
        class_uid: classUid,
        actor: { sub: 'ada', iss: 'https://idp', client_id: 'bff', act: [], auth_method: 'x' },
        policy: { rule: 'r', sha256: 'ab' },
        trace: { trace_id: 'f'.repeat(32), span_id: '0'.repeat(16) },
        detail: { code: 'C', reason: 'r', count: 1, jti: 'j', scope: 's', audience: 'a', kid: 'k', source_address: '127.0.0.1', operation_kind: 'query' },
      }),
    ),
  ),
); // prettier-ignore
const mapping = new Map(
  [...ordinary, ocsf(postedEvent({ outcome: 'DENIED' }))].flatMap((event) => mappingOf(event)),
);
/** What a name, rather than an address, is where an event comes from. */
mapping.set('.src_endpoint.name', 'string');

const others = (event: Readonly<Record<string, unknown>>) =>
  mappingOf(event).filter(([path, type]) => mapping.get(path) !== type);

test.each(MEMBERS)('whatever an event has in %s adds no field to an index, and changes none', (member) => {
  const base = member === 'actor' ? { sub: 'x' } : {};
  const sent = HOSTILE.flatMap((value) => [
    ...(member === 'actor' ? [] : [value]),
    { ...base, odd: value, ['m'.repeat(100)]: value },
    { ...base, ...Object.fromEntries(READ.filter((name) => !(name in base)).map((name) => [name, value])) },
  ]);
  for (const classUid of CLASSES)
    for (const value of sent)
      expect(others(ocsf(postedEvent({ type: 'app.x', class_uid: classUid, [member]: value })))).toEqual([]);
});

test('what is no address is not given to an index as one', () => {
  const of = (source_address: string) => ocsf(postedEvent({ detail: { source_address } }))['src_endpoint'];
  expect(of('::1')).toEqual({ ip: '::1' });
  expect(of('no address')).toEqual({ name: 'bff' });
});

test('all of it is there, as text', () => {
  const detail = { odd: [{ deep: 1 }], count: 0.5 };
  const { unmapped } = ocsf(postedEvent({ detail, policy: null })) as {
    readonly unmapped: Record<string, unknown>;
  };
  expect(JSON.parse(String(unmapped['detail_json']))).toEqual(detail);
  expect(JSON.parse(String(unmapped['actor_json']))).toMatchObject({ sub: 'bff', act: [] });
  expect(unmapped).not.toHaveProperty('policy_json');
  expect(unmapped['source']).toEqual({ peer: 'leads', instance: 'l', boot_id: 'b', n: 1 });
});
