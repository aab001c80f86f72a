import { expect, test } from '@jest/globals';
import type { AuditActor } from '@aduana/client/audit/audit-event';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import {
  intentRecord,
  noteCaller,
  openRequestAudit,
  requestRecord,
} from '../../gateway/audit/request-audit.ts';
import { toOcsf } from '../../subgraphs/audit/shippers/ocsf-event.ts';

// The attacker: a user whose issuer lets him be called as a user of another issuer, or as nobody at all is called. What
// he does must not stand in the log as that one's deed.
const ONE = 'https://one.example.com';
const TRACE = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };

const claimsOf = (sub: string, iss?: string) =>
  ({
    sub, client_id: 'gateway', roles: [], scope: '', amr: ['trusted_issuer'], act: { sub: 'gateway', iss: 'https://sts' },
    sub_kind: iss === undefined ? 'service' : 'user', sub_iss: iss ?? 'https://sts',
  }) as unknown as AccessTokenClaims; // prettier-ignore

function recordsOf(claims: AccessTokenClaims): readonly AuditActor[] {
  const audit = openRequestAudit('00000000-0000-7000-8000-000000000000');
  noteCaller(audit, {
    claims,
    subjectToken: Secret.of('t'),
    method: 'trusted_issuer',
    provesPossession: false,
    certificateThumbprint: undefined,
    spiffeId: undefined,
    address: '127.0.0.1',
  });
  return [
    requestRecord(audit, TRACE, '127.0.0.1').actor,
    intentRecord(audit, TRACE).actor,
    actorOfToken(claims),
  ];
}

test.each(['alice', 'anonymous'])('%s of one issuer, of another, and of none are three', (sub) => {
  const told = [claimsOf(sub, ONE), claimsOf(sub, 'https://two.example.com'), claimsOf(sub)].map(recordsOf);
  for (const kind of [0, 1, 2])
    expect(told.map((records) => [records[kind]?.sub, records[kind]?.iss])).toEqual([
      [sub, ONE],
      [sub, 'https://two.example.com'],
      [sub, undefined],
    ]);
});

test('receivers of the log are told the issuer as well', () => {
  const [actor] = recordsOf(claimsOf('alice', ONE));
  const event = toOcsf({
    seq: 0,
    leafHash: '00',
    envelope: {
      v: 1, id: 'i', time: '2026-11-28T12:00:00.000Z', source: { peer: 'gateway', instance: 'x', boot_id: 'b', n: 0 },
      type: 'request', class_uid: 6003, outcome: 'ALLOWED', actor,
    },
  } as unknown as Parameters<typeof toOcsf>[0]); // prettier-ignore
  expect(event['actor']).toMatchObject({ user: { uid: 'alice', domain: ONE } });
});
