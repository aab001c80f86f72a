import { expect, test } from '@jest/globals';
import { compile } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { constrainGrant, grantableScopes } from '@aduana/server-kit/iam/grants';
import { INTERNAL_PERMISSIONS } from '@aduana/server-kit/iam/built-in-permissions';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { engineOf } from '../support/policy-folder.ts';

test('the widest wildcard does not reach what services do to each other', async () => {
  const engine = await engineOf('roles: { god: { permissions: ["**", "sts:**", "audit:events:*"] } }');
  for (const action of INTERNAL_PERMISSIONS)
    expect(evaluate(engine, { subject: 's', roles: ['god'], action }).effect).toBe('deny');
  expect(grantableScopes(engine, ['god']).filter((scope) => INTERNAL_PERMISSIONS.includes(scope))).toEqual(
    [],
  );
});

test('a scope that only a schema names is held by nobody', async () => {
  const engine = await engineOf('roles: { god: { permissions: ["**"] } }');
  expect(evaluate(engine, { subject: 's', roles: ['god'], action: 'invented:by:a:subgraph' })).toMatchObject({
    effect: 'deny',
    reason: 'unknown_permission',
  });
  expect(constrainGrant(engine, ['god'], ['invented:by:a:subgraph']).scopes).toEqual([]);
});

test('roles of a token that no policy knows, or that are names of the prototype, give nothing', async () => {
  const engine = await engineOf('roles: { r: { permissions: [x] } }');
  for (const role of ['__proto__', 'constructor', 'toString', 'R', 'r ', ''])
    expect(evaluate(engine, { subject: 's', roles: [role], action: 'x' }).effect).toBe('deny');
  expect(evaluate(engine, { subject: 's', roles: ['r'], action: '__proto__' }).effect).toBe('deny');
});

test('operators of the shipped policies cannot read what the audit log says of them, nor write to it', async () => {
  const engine = compile(await loadPolicies('policies'));
  const held = grantableScopes(engine, engine.services.get('operator')?.roles ?? []);
  expect(held).toContain('sts:keys:rotate');
  expect(held.filter((scope) => scope.startsWith('audit:events'))).toEqual([]);
});
