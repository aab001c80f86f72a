import { describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createRevokedSubjects } from '@aduana/core/status/revoked-subjects';
import { refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import { ISSUER } from '../support/test-sts.ts';

describe('M1 what every verifier asks', () => {
  const claims = {
    iss: ISSUER, aud: 'leads', sub: 'ana', sub_iss: 'i', sub_kind: 'user', client_id: 'gateway', jti: 'j',
    root_jti: 'r', iat: 100, root_iat: 50, exp: 200, scope: '', roles: [], amr: [], auth_time: 1,
  } as const; // prettier-ignore
  const refused = (notAfter: number, of: AccessTokenClaims = claims): string | undefined => {
    const subjects = createRevokedSubjects();
    subjects.add({ issuer: 'i', subject: 'ana', notAfter, until: 1_000 });
    return refusedByStatus(
      { claims: of, kid: 'k', scopes: new Set() },
      {
        isTokenRevoked: () => false,
        isSubjectRevoked: subjects.has,
        isKeyRevoked: () => false,
        isServiceSuspended: () => false,
        isCertificateRevoked: () => false,
        assertFresh: () => undefined,
      },
    );
  };

  test('the beginning of the chain decides, and without it the token itself', () => {
    expect([refused(49), refused(50), refused(99)]).toEqual([
      undefined,
      'the subject is revoked',
      'the subject is revoked',
    ]);
    const { root_iat: _, ...older } = claims;
    expect([refused(99, older), refused(100, older)]).toEqual([undefined, 'the subject is revoked']);
  });

  test('an older statement that is read again takes nothing back, and what is over is forgotten', () => {
    const subjects = createRevokedSubjects();
    subjects.add({ issuer: 'i', subject: 's', notAfter: 20, until: 100 });
    subjects.add({ issuer: 'i', subject: 's', notAfter: 10, until: 90 });
    expect(subjects.has('i', 's', 20)).toBe(true);
    expect(subjects.has('i', 's', 21)).toBe(false);
    expect(subjects.has('i"', '"s', 1)).toBe(false);
    subjects.prune(101);
    expect(subjects.size).toBe(0);
  });
});
