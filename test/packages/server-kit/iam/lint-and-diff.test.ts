import { describe, expect, test } from '@jest/globals';
import { diffDecisions, everyQuestion } from '@aduana/server-kit/iam/diff';
import { explain } from '@aduana/server-kit/iam/explain';
import { lint } from '@aduana/server-kit/iam/lint';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicyTests, runPolicyTests } from '@aduana/server-kit/iam/policy-tests';
import { engineOf } from '../../../support/policy-folder.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

describe('the shipped policies', () => {
  test('have nothing to find and pass their own tests', async () => {
    const sources = await loadPolicies('policies');
    expect(lint(sources, NOW)).toEqual([]);
    const results = runPolicyTests(compile(sources), await loadPolicyTests('policies'));
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    expect(results.length).toBeGreaterThan(10);
  });
});

describe('lint', () => {
  const findings = async (iam: string) => {
    const { sources } = await engineOf(iam);
    return lint(sources, NOW).map(
      ({ code, location }) => `${code} ${location.replace('iam_policies.yaml:', '')}`,
    );
  };

  test.each([
    ['roles:\n  r: { permissions: [x] }', ['unused_role 3']],
    ['conditions:\n  c: { mtls: true }', ['unused_condition 3']],
    [
      'roles:\n  r:\n    permissions:\n      - x:y\n      - { deny: "x:**" }\npolicies: { p: { roles: [r] } }',
      ['unreachable_rule 5'],
    ],
    [
      'roles:\n  r:\n    permissions:\n      - x:y\n      - "x:*"\npolicies: { p: { roles: [r] } }',
      ['shadowed_rule 5'],
    ],
    [
      'roles:\n  r:\n    permissions:\n      - x:y\n      - x:y\npolicies: { p: { roles: [r] } }',
      ['shadowed_rule 6'],
    ],
    ['roles:\n  r:\n    permissions: ["**"]\npolicies: { p: { roles: [r] } }', ['wildcard_admin 4']],
    ['roles:\n  r:\n    permissions: ["nothing:*"]\npolicies: { p: { roles: [r] } }', ['matches_nothing 4']],
    [
      'conditions:\n  c: { time: { zone: UTC, not_after: "2026-01-01T00:00:00Z" } }\npolicies: { p: { when: [c] } }',
      ['expired 3'],
    ],
    [
      'conditions:\n  c: { time: { zone: UTC, not_before: "2027-02-01T00:00:00Z", not_after: "2027-01-01T00:00:00Z" } }\npolicies: { p: { when: [c] } }',
      ['never_true 3'],
    ],
    [
      'conditions:\n  a: { mtls: true }\n  c: { all_of: [a], none_of: [a] }\npolicies: { p: { when: [c] } }',
      ['never_true 4'],
    ],
    ['conditions:\n  c: { acr: [mfa] }\npolicies: { p: { when: [c] } }', ['never_true 3']],
    ['conditions:\n  c: { max_age_seconds: 60 }\npolicies: { p: { when: [c] } }', []],
    ['policies:\n  p: {}', ['open_policy 3']],
    [
      'roles:\n  r:\n    permissions:\n      - { allow: x:y, constraints: { max_ttl_seconds: 9 } }\n      - "x:*"\npolicies: { p: { roles: [r] } }',
      [],
    ],
  ])('%j', async (iam, expected) => {
    expect(await findings(iam)).toEqual(expected);
  });
});

test('a login of two classes at once is told to be none', async () => {
  const issuers =
    'version: 1\nissuers:\n  - { issuer: "https://i", jwks_uri: "https://i/jwks", algorithms: [ES256], audience: a }\n';
  const { sources } = await engineOf(
    'conditions:\n  a: { acr: [phr, mfa] }\n  b: { acr: [mfa, pwd] }\n  c: { acr: [pwd] }\n  some: { all_of: [a, b] }\n  none: { all_of: [a, c] }\npolicies: { p: { when: [some, none] } }',
    { 'trusted_issuers.yaml': issuers },
  );
  expect(lint(sources, NOW)).toMatchObject([{ code: 'never_true', location: 'iam_policies.yaml:7' }]);
});

describe('diff', () => {
  test('shows each decision that changes, by service and by role', async () => {
    const services = { 'service_identities.yaml': 'version: 1\nservices: { s: { roles: [r] } }\n' };
    const before = await engineOf('roles: { r: { permissions: [x:a, x:b] } }', services);
    const after = await engineOf(
      'permissions: [x:b]\nroles: { r: { permissions: [x:a, { deny: x:b }, x:c] } }',
      services,
    );
    const changes = diffDecisions(before, after, everyQuestion(before, after));
    expect(
      changes.map(
        ({ question, before: was, after: is }) =>
          `${question.subject} ${question.action ?? ''} ${was.effect} ${is.effect}`,
      ),
    ).toEqual(['s x:b allow deny', 's x:c deny allow', 'role r x:b allow deny', 'role r x:c deny allow']);
  });
});

describe('explain', () => {
  test('shows which rule decided and what would change it', async () => {
    const engine = await engineOf(`
conditions:
  hq: { cidr: [10.0.0.0/8] }
roles:
  staff: { permissions: [{ allow: x:y, when: [hq] }, { deny: x:z, unless: [hq] }, x:z] }
  boss: { permissions: [x:w] }`);
    const ask = (action: string, address: string) =>
      explain(engine, { subject: 's', roles: ['staff'], action, context: { address } });
    expect(ask('x:y', '11.0.0.1')).toMatchObject({
      effect: 'deny',
      nearMisses: ['would be allowed by staff/allow:x:y (iam_policies.yaml:6), when hq (does not hold)'],
    });
    expect(ask('x:z', '11.0.0.1')).toMatchObject({
      effect: 'deny',
      rule: 'staff/deny:x:z',
      location: 'iam_policies.yaml:6',
      conditions: [{ name: 'hq', holds: false }],
      nearMisses: ['is denied by staff/deny:x:z (iam_policies.yaml:6), unless hq (does not hold)'],
    });
    expect(ask('x:z', '10.0.0.1')).toMatchObject({
      effect: 'allow',
      nearMisses: ['would be denied by staff/deny:x:z (iam_policies.yaml:6), unless hq (holds)'],
    });
    expect(ask('x:w', '10.0.0.1').nearMisses).toEqual([
      'would be allowed to the role boss by boss/allow:x:w (iam_policies.yaml:7)',
    ]);
    expect(ask('x:typo', '10.0.0.1').nearMisses[0]).toContain('nobody can hold this permission');
  });
});
