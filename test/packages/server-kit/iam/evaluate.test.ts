import { describe, expect, test } from '@jest/globals';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { evaluatePolicy } from '@aduana/server-kit/iam/evaluate-policy';
import { constrainGrant, grantableScopes } from '@aduana/server-kit/iam/grants';
import { engineOf } from '../../../support/policy-folder.ts';

describe('decisions', () => {
  test('what no rule allows is denied, and so is what stands in no catalogue', async () => {
    const engine = await engineOf('permissions: [a:b]\nroles: { r: { permissions: ["x:**"] } }');
    const ask = (action: string, roles = ['r']) => evaluate(engine, { subject: 's', roles, action });
    expect(ask('a:b')).toMatchObject({ effect: 'deny', reason: 'no_rule', rule: undefined });
    expect(ask('x:y')).toMatchObject({ effect: 'deny', reason: 'unknown_permission' });
    expect(ask('a:b', [])).toMatchObject({ effect: 'deny', reason: 'no_rule' });
    expect(ask('a:b', ['ghost', 'constructor'])).toMatchObject({ effect: 'deny', reason: 'no_rule' });
  });

  test('a deny wins over an allow whatever the order of rules, roles and inheritance', async () => {
    const engine = await engineOf(`
permissions: [x:y]
roles:
  allows: { permissions: [x:y] }
  denies: { permissions: [{ deny: "x:*" }] }
  first: { permissions: [x:y, { deny: x:y }] }
  last: { permissions: [{ deny: x:y }, x:y] }
  heir: { inherits: [denies], permissions: [x:y] }`);
    for (const roles of [
      ['allows', 'denies'],
      ['denies', 'allows'],
      ['first'],
      ['last'],
      ['heir'],
      ['allows', 'heir'],
    ])
      expect(evaluate(engine, { subject: 's', roles, action: 'x:y' })).toMatchObject({
        effect: 'deny',
        reason: 'rule',
      });
    expect(evaluate(engine, { subject: 's', roles: ['allows'], action: 'x:y' }).effect).toBe('allow');
  });

  test('* stands for one segment, ** for one or more, and neither for none', async () => {
    const engine = await engineOf(`
permissions: [a, "a:b", "a:b:c", "a:x:c", "z:b"]
roles: { one: { permissions: ["a:*"] }, middle: { permissions: ["a:*:c"] }, tail: { permissions: ["a:**"] }, all: { permissions: ["**"] } }`);
    const held = (role: string) =>
      grantableScopes(engine, [role]).filter(
        (scope) => /^[az](:|$)/.test(scope) && !scope.startsWith('audit'),
      );
    expect(held('one')).toEqual(['a:b']);
    expect(held('middle')).toEqual(['a:b:c', 'a:x:c']);
    expect(held('tail')).toEqual(['a:b', 'a:b:c', 'a:x:c']);
    expect(held('all')).toEqual(['a', 'a:b', 'a:b:c', 'a:x:c', 'z:b']);
  });

  test('what services do to each other is held through no wildcard, and denied through one', async () => {
    const engine = await engineOf(`
roles:
  all: { permissions: ["**"] }
  named: { permissions: [sts:status:write] }
  denied: { permissions: [sts:status:write, { deny: "sts:**" }] }`);
    const effect = (role: string) =>
      evaluate(engine, { subject: 's', roles: [role], action: 'sts:status:write' }).effect;
    expect([effect('all'), effect('named'), effect('denied')]).toEqual(['deny', 'allow', 'deny']);
    expect(grantableScopes(engine, ['all'])).not.toContain('sts:status:write');
  });

  test('a decision shows rule, line, role path, conditions and the hash of the policies', async () => {
    const engine = await engineOf(`
conditions:
  hq: { cidr: [10.0.0.0/8] }
roles:
  top: { inherits: [middle] }
  middle: { inherits: [base] }
  base:
    permissions:
      - { allow: x:y, when: [hq], id: from-hq }`);
    const decision = evaluate(engine, {
      subject: 's',
      roles: ['top'],
      action: 'x:y',
      context: { address: '10.1.2.3' },
    });
    expect(decision).toEqual({
      effect: 'allow',
      action: 'x:y',
      reason: 'rule',
      rule: 'from-hq',
      location: 'iam_policies.yaml:10',
      rolePath: ['top', 'middle', 'base'],
      conditions: [{ name: 'hq', holds: true }],
      obligations: { maxTtlSeconds: undefined, scopeCeilings: [], audiences: undefined },
      policySha256: engine.sha256,
    });
  });

  test('of a condition that cannot be evaluated an allow does not apply and a deny applies', async () => {
    const engine = await engineOf(`
conditions: { hq: { cidr: [10.0.0.0/8] } }
roles:
  allowWhen: { permissions: [{ allow: x, when: [hq] }] }
  allowUnless: { permissions: [{ allow: x, unless: [hq] }] }
  denyWhen: { permissions: [x, { deny: x, when: [hq] }] }
  denyUnless: { permissions: [x, { deny: x, unless: [hq] }] }`);
    const effects = (address: string | undefined) =>
      ['allowWhen', 'allowUnless', 'denyWhen', 'denyUnless'].map(
        (role) =>
          evaluate(engine, {
            subject: 's',
            roles: [role],
            action: 'x',
            context: address === undefined ? {} : { address },
          }).effect,
      );
    expect(effects(undefined)).toEqual(['deny', 'deny', 'deny', 'deny']);
    expect(effects('no address')).toEqual(['deny', 'deny', 'deny', 'deny']);
    expect(effects('10.0.0.1')).toEqual(['allow', 'deny', 'deny', 'allow']);
    expect(effects('11.0.0.1')).toEqual(['deny', 'allow', 'allow', 'deny']);
  });

  test('`when` asks for all, `unless` for not all', async () => {
    const engine = await engineOf(`
conditions: { a: { mtls: true }, b: { environment: [prod] } }
roles: { when: { permissions: [{ allow: x, when: [a, b] }] }, unless: { permissions: [{ allow: x, unless: [a, b] }] } }`);
    const effect = (role: string, mtls: boolean, environment: string) =>
      evaluate(engine, { subject: 's', roles: [role], action: 'x', context: { mtls, environment } }).effect;
    expect([
      effect('when', true, 'prod'),
      effect('when', true, 'test'),
      effect('when', false, 'prod'),
    ]).toEqual(['allow', 'deny', 'deny']);
    expect([
      effect('unless', true, 'prod'),
      effect('unless', true, 'test'),
      effect('unless', false, 'test'),
    ]).toEqual(['deny', 'allow', 'allow']);
  });
});

describe('constraints', () => {
  const POLICIES = `
roles:
  short: { permissions: [x:a], constraints: { max_ttl_seconds: 300, audiences: [gateway, sts] } }
  long: { inherits: [short], permissions: [x:b], constraints: { max_ttl_seconds: 900, audiences: [sts, audit] } }
  tight: { permissions: [{ allow: x:c, constraints: { scopes: ["x:a", "x:c"] } }, x:a, x:b] }`;

  test('the shortest life and the common audiences of all granting rules hold', async () => {
    const engine = await engineOf(POLICIES);
    expect(constrainGrant(engine, ['long'], ['x:b'])).toEqual({
      scopes: ['x:b'],
      maxTtlSeconds: 900,
      audiences: ['sts', 'audit'],
    });
    expect(constrainGrant(engine, ['long'], ['x:a', 'x:b'])).toEqual({
      scopes: ['x:a', 'x:b'],
      maxTtlSeconds: 300,
      audiences: ['sts'],
    });
    expect(evaluate(engine, { subject: 's', roles: ['long', 'short'], action: 'x:a' }).obligations).toEqual({
      maxTtlSeconds: 300,
      scopeCeilings: [],
      audiences: ['sts'],
    });
  });

  test('a ceiling takes what is outside it from the whole grant', async () => {
    const engine = await engineOf(POLICIES);
    expect(constrainGrant(engine, ['tight'], ['x:a', 'x:b']).scopes).toEqual(['x:a', 'x:b']);
    expect(constrainGrant(engine, ['tight'], ['x:a', 'x:b', 'x:c', 'nothing']).scopes).toEqual([
      'x:a',
      'x:c',
    ]);
  });

  test('the largest scope holds what conditions may allow, and nothing that is always denied', async () => {
    const engine = await engineOf(`
conditions: { night: { time: { zone: UTC, from: "22:00", to: "06:00" } } }
roles:
  r: { permissions: ["x:a", { allow: "x:b", when: [night] }, { deny: "x:a", when: [night] }, "x:c", { deny: "x:c" }, "x:d"] }
  s: { permissions: [{ deny: "x:d" }] }`);
    expect(grantableScopes(engine, ['r'])).toEqual(['x:a', 'x:b', 'x:d']);
    expect(grantableScopes(engine, ['r', 's'])).toEqual(['x:a', 'x:b']);
    expect(grantableScopes(engine, [])).toEqual([]);
  });
});

describe('named policies', () => {
  test('hold for whom and when they say, and an unknown name holds for nobody', async () => {
    const engine = await engineOf(`
conditions: { certified: { mtls: true } }
roles: { admin: {}, chief: { inherits: [admin] }, other: {} }
policies:
  admins: { roles: [admin], when: [certified] }
  robots: { subjects: [r2] }`);
    const ask = (name: string, roles: string[], mtls?: boolean, subject = 's') =>
      evaluatePolicy(engine, name, { subject, roles, context: mtls === undefined ? {} : { mtls } }).reason;
    expect(ask('admins', ['admin'], true)).toBe('holds');
    expect(ask('admins', ['chief'], true)).toBe('holds');
    expect(ask('admins', ['other'], true)).toBe('role_missing');
    expect(ask('admins', ['admin'], false)).toBe('condition');
    expect(ask('admins', ['admin'])).toBe('condition');
    expect(ask('robots', [], undefined, 'r2')).toBe('holds');
    expect(ask('robots', [])).toBe('subject_missing');
    expect(evaluatePolicy(engine, 'constructor', { subject: 's', roles: [] })).toMatchObject({
      effect: 'deny',
      reason: 'unknown_policy',
    });
  });
});
