import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '../../subgraphs/audit/shippers/logged-event.ts';
import { checkpointToOcsf } from '../../subgraphs/audit/shippers/checkpoint-record.ts';
import type { ShippedCheckpoint } from '../../subgraphs/audit/shippers/stream-record.ts';
import { toOcsf } from '../../subgraphs/audit/shippers/ocsf-event.ts';
import { describeVectors } from '../support/shared-vectors.ts';

interface Attribute {
  readonly requirement?: string;
  readonly enum?: Readonly<Record<string, unknown>>;
  readonly type?: string;
  readonly profile?: string | null;
}
interface Definition {
  readonly name?: string;
  readonly extends?: string;
  readonly uid?: number;
  readonly attributes?: Readonly<Record<string, Attribute>> & { readonly $include?: readonly string[] };
  readonly constraints?: { readonly at_least_one?: readonly string[]; readonly just_one?: readonly string[] };
}
type Attributes = Readonly<Record<string, Attribute>>;

const envelope = (members: Partial<Envelope>): Envelope => ({
  id: '018f0000-0000-7000-8000-000000000000',
  time: '2026-01-02T03:04:05.678Z',
  type: 'request',
  class_uid: 6003,
  outcome: 'ALLOWED',
  source: { peer: 'gateway', instance: 'gateway@1', boot_id: 'b', n: 7 },
  actor: {
    sub: 'ada',
    client_id: 'bff',
    act: ['bff'],
    auth_method: 'client_secret_basic',
    cert_thumbprint: null,
  },
  request: { operation_name: 'Leads', document_sha256: 'ab', fields: ['Query.leads'], subgraphs: ['leads'] },
  policy: { rule: 'Query.leads', sha256: 'cd' },
  trace: { trace_id: 'f'.repeat(32), span_id: '0'.repeat(16) },
  detail: { source_address: '127.0.0.1', operation_kind: 'query' },
  ...members,
});

const EVENTS: readonly (readonly [string, Partial<Envelope>])[] = [
  ['a query', {}],
  ['a mutation', { detail: { operation_kind: 'mutation' }, outcome: 'PARTIAL' }],
  ['a refused query', { outcome: 'DENIED', detail: { code: 'FORBIDDEN', reason: 'no' } }],
  ['a failed request', { outcome: 'FAILED', request: null, policy: null, trace: null }],
  [
    'a 401',
    { class_uid: 3002, outcome: 'DENIED', actor: { sub: 'anonymous', client_id: null, auth_method: null } },
  ],
  ['a flood', { class_uid: 3002, type: 'request.flood', outcome: 'DENIED', detail: { count: 9 } }],
  [
    'a token',
    { class_uid: 3002, type: 'token.issue', detail: { audience: 'gateway', scope: 'a b', jti: 'j' } },
  ],
  ['an exchange', { class_uid: 3002, type: 'token.exchange', actor: { sub: 'a', auth_method: 'x509_svid' } }],
  ['a grant', { class_uid: 3003, type: 'token.issue', detail: { scope: 'leads:read', jti: 'j' } }],
  ['a rotation', { class_uid: 3004, type: 'key.rotate', detail: { kid: 'k', reason: 'look' } }],
  ['a suspension', { class_uid: 3004, type: 'service.suspend', detail: { service: 'bff' } }],
  ['an unknown change', { class_uid: 3004, type: 'service.dance', detail: {} }],
  ['a role', { class_uid: 3005, type: 'role.revoke', detail: { scope: 'leads:read' } }],
  ['a start', { class_uid: 6002, type: 'source.start' }],
  ['a read of the log', { type: 'audit.read', detail: {} }],
  ['an alarm', { type: 'audit.tampered', outcome: 'FAILED', detail: { reason: 'entry 7' } }],
  ['a class that nobody knows', { class_uid: 12 }],
];

/** What a profile brings is asked for only where the profile is used. */
const asOptional = (attributes: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]) => [name, { ...attribute, requirement: 'optional' }]),
  );

describeVectors('the OCSF 1.8.0 mapping', 'ocsf-schema-1.8.0', (folder) => {
  const read = (...path: string[]): unknown =>
    JSON.parse(readFileSync(join(folder, ...path), 'utf8')) as unknown;
  const dictionary = (read('dictionary.json') as { attributes: Attributes }).attributes;
  const classes = new Map<string, Definition>();
  for (const name of ['', 'iam', 'application'])
    for (const file of readdirSync(join(folder, 'events', name)).filter((entry) => entry.endsWith('.json'))) {
      const definition = read('events', name, file) as Definition;
      classes.set(definition.name ?? '', definition);
    }
  const CATEGORIES: Readonly<Record<string, number>> = { iam: 3, application: 6 };

  function inherited(definition: Definition, parents: (name: string) => Definition): Attributes {
    const { $include = [], ...own } = definition.attributes ?? {};
    const included = $include.map((file) => asOptional(inherited(read(file) as Definition, parents)));
    const above = definition.extends === undefined ? {} : inherited(parents(definition.extends), parents);
    const merged: Record<string, Attribute> = Object.assign({}, above, ...included) as Record<
      string,
      Attribute
    >;
    for (const [name, attribute] of Object.entries(own as Attributes))
      merged[name] = { ...merged[name], ...attribute, enum: { ...merged[name]?.enum, ...attribute.enum } };
    return merged;
  }

  function checkMembers(
    value: Readonly<Record<string, unknown>>,
    attributes: Attributes,
    constraints: Definition['constraints'],
    at: string,
  ): string[] {
    const faults: string[] = [];
    for (const [name, { requirement }] of Object.entries(attributes))
      if (requirement === 'required' && !(name in value)) faults.push(`${at}.${name} is required`);
    const { at_least_one: atLeastOne, just_one: justOne } = constraints ?? {};
    if (atLeastOne !== undefined && !atLeastOne.some((name) => name in value))
      faults.push(`${at} has none of ${atLeastOne.join()}`);
    if (justOne !== undefined && justOne.filter((name) => name in value).length !== 1)
      faults.push(`${at} has not one of ${justOne.join()}`);
    for (const [name, member] of Object.entries(value)) {
      const attribute = attributes[name];
      if (attribute === undefined) faults.push(`${at}.${name} is not defined`);
      else faults.push(...checkValue(member, { ...dictionary[name], ...attribute }, name, `${at}.${name}`));
    }
    return faults;
  }

  function checkValue(value: unknown, attribute: Attribute, name: string, at: string): string[] {
    const type = dictionary[name]?.type ?? attribute.type ?? '';
    const choices = Object.keys({ ...dictionary[name]?.enum, ...attribute.enum });
    if (name.endsWith('_id') && choices.length > 0 && !choices.includes(String(value)))
      return [`${at} is no member of its enum`];
    if (type === 'string_t')
      return (Array.isArray(value) ? value : [value]).every((one) => typeof one === 'string')
        ? []
        : [`${at} is no text`];
    if (/^(integer|long|timestamp|port)_t$/.test(type))
      return Number.isSafeInteger(value) ? [] : [`${at} is no whole number`];
    if (type === 'boolean_t') return typeof value === 'boolean' ? [] : [`${at} is no boolean`];
    if (type === 'object' || type.endsWith('_t')) return [];
    const definition = read('objects', `${type}.json`) as Definition;
    const attributes = inherited(definition, (parent) => read('objects', `${parent}.json`) as Definition);
    return checkMembers(value as Readonly<Record<string, unknown>>, attributes, definition.constraints, at);
  }

  /** Everything that 1.8.0 finds wrong with an event. */
  function problemsOf(event: Readonly<Record<string, unknown>>): readonly string[] {
    const classUid = Number(event['class_uid']);
    const found = [...classes.values()].find(({ uid = 0, extends: parent = '', name }) =>
      classUid === 0 ? name === 'base_event' : (CATEGORIES[parent] ?? 0) * 1000 + uid === classUid,
    );
    const own = inherited(found ?? {}, (parent) => classes.get(parent) ?? {});
    const { category_uid: category, class_uid: _ownClass, type_uid: typeUid, ...rest } = event;
    expect(typeUid).toBe(classUid * 100 + Number(event['activity_id']));
    expect(category).toBe(Math.floor(classUid / 1000));
    const { category_uid: _category, class_uid: _class, type_uid: _type, ...attributes } = own;
    return checkMembers(rest, attributes, found?.constraints, 'event');
  }

  test.each(EVENTS)('conforms for %s', (_, members) => {
    const event = toOcsf({ seq: 12, leafHash: 'ab', envelope: envelope(members) });
    const { profiles = [] } = event['metadata'] as { profiles?: readonly string[] };
    expect(problemsOf(event)).toEqual([]);
    expect(profiles.includes('security_control')).toBe('action_id' in event);
    expect(profiles.includes('trace')).toBe('trace' in event);
  });

  test('conforms for a checkpoint, whose note is the raw data', () => {
    const signedAt = new Date('2026-01-02T03:04:05.678Z');
    const checkpoint = {
      kind: 'checkpoint',
      size: 7,
      root: Buffer.alloc(32),
      note: 'a\n',
      signed_at: signedAt,
    };
    const event = checkpointToOcsf(checkpoint as ShippedCheckpoint, 'checkpoint-7-00');
    expect(problemsOf(event)).toEqual([]);
    expect(event).toMatchObject({ raw_data: 'a\n', metadata: { uid: 'checkpoint-7-00' } });
  });
});

describe('an OCSF event', () => {
  test('bears the event id and the sequence number to find copies by', () => {
    const { metadata } = toOcsf({ seq: 12, leafHash: 'ab', envelope: envelope({}) });
    expect(metadata).toMatchObject({
      version: '1.8.0',
      uid: '018f0000-0000-7000-8000-000000000000',
      sequence: 12,
    });
  });
});
