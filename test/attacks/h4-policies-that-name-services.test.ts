import { expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { maySeeSecret } from '../../subgraphs/sts/clients/may-see-secret.ts';
import { engineOf } from '../support/policy-folder.ts';

// The attacker: an operator who holds every permission of a service, and rotates its secret to be shown it. A field that
// only `@policy` guards is open to whom the policy names: to the service, and not to the operator.
const IAM = `
permissions: [leads:read]
conditions: { day: { time: { zone: Europe/Madrid, from: '08:00', to: '20:00' } } }
roles:
  admin: { permissions: [iam:**, leads:read] }
  reader: { permissions: [leads:read] }
  board: {}
  chair: { inherits: [board] }
policies:
  hours: { when: [day] }
  readers: { roles: [reader] }
  accounts: { subjects: [ledger, { issuer: 'https://idp.example.com', sub: alice }] }
  minutes: { roles: [board], when: [day] }
  everybody: { roles: [admin, shown] }
`;
const service = (id: string, roles: string) =>
  `  ${id}: { spiffe_id: spiffe://aduana.local/${id}, roles: [${roles}], authentication: [client_secret_basic] }\n`;
const engine = await engineOf(
  IAM.replace('  chair:', '  shown: {}\n  chair:'),
  {
    'service_identities.yaml':
      'version: 1\nservices:\n' +
      service('operator', 'admin') + service('plain', '') + service('shared', 'shown') + service('bff', 'reader') +
      service('ledger', '') + service('desk', 'board') + service('lead', 'chair'),
  },
); // prettier-ignore
const DAY = Date.parse('2026-11-24T11:00:00Z');
const NIGHT = Date.parse('2026-11-24T02:00:00Z');

function sees(id: string, caller: Partial<AccessTokenClaims> = {}, time = DAY): boolean {
  const target = engine.services.get(id);
  if (target === undefined) throw new TypeError('no such service');
  const claims = {
    sub: 'operator',
    sub_kind: 'service',
    sub_iss: 'https://sts',
    roles: ['admin'],
    ...caller,
  };
  return maySeeSecret(target, claims as AccessTokenClaims, engine, { time, mtls: true });
}

test.each([DAY, NIGHT])('the secret of a service that no policy names is shown, at %d', (time) => {
  expect(sees('plain', {}, time)).toBe(true);
  expect(sees('shared', {}, time)).toBe(true);
});

test.each(['ledger', 'desk', 'lead', 'bff'])('that of %s, by which a policy would hold, is not', (id) => {
  for (const time of [DAY, NIGHT]) expect(sees(id, {}, time)).toBe(false);
});

test('a user is the pair of issuer and subject here as well', () => {
  const user = (sub_iss: string) => ({ sub: 'alice', sub_kind: 'user', sub_iss }) as const;
  expect(sees('ledger', user('https://idp.example.com'))).toBe(true);
  expect(sees('ledger', user('https://other.example.com'))).toBe(false);
});

test('a service may see its own', () => {
  expect(sees('ledger', { sub: 'ledger', roles: [] })).toBe(true);
});
