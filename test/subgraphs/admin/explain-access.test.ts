import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { openPolicies } from '@aduana/server-kit/iam/live-policies';
import { createResolvers } from '../../../subgraphs/admin/resolvers.ts';
import { closers, LOG, codeOf } from '../../support/admin-world.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

describe('questions to the policies', () => {
  async function openQuery() {
    const policies = await openPolicies({ folder: 'policies', clock: createFakeClock(), log: LOG });
    closers.push(() => policies.stop());
    const readSupergraph = () => readFile('gateway/supergraph.graphql', 'utf8');
    const options = { policies, readSupergraph, now: () => 0 } as unknown as Parameters<
      typeof createResolvers
    >[0];
    return createResolvers(options).Query;
  }

  test('roles are shown with what they inherit, allow and deny', async () => {
    const roles = (await openQuery()).roles();
    expect(roles.find(({ name }) => name === 'actuator')).toMatchObject({
      name: 'actuator',
      inherits: ['sales'],
      permissions: ['leads:write'],
    });
    expect(roles.find(({ name }) => name === 'admin')?.permissions).toContain(
      'deny leads:pii:read unless office_hours',
    );
  });

  test('an action is explained for a service, with rule, place and near misses', async () => {
    const { explainAccess } = await openQuery();
    const ask = async (asked: Parameters<typeof explainAccess>[1]) => (await explainAccess(null, asked))[0];
    expect(await ask({ subject: 'actuator', action: 'leads:read' })).toMatchObject({
      allowed: true,
      rule: 'bff/allow:leads:read',
      rolePath: ['actuator', 'sales', 'bff'],
      coordinate: null,
    });
    const refused = await ask({ subject: 'bff', action: 'leads:pii:read' });
    expect(refused).toMatchObject({ allowed: false, rule: null, location: null });
    expect(refused?.nearMisses[0]).toMatch(
      /^would be allowed to the role sales by sales\/allow:leads:pii:read \(iam_policies.yaml:\d+\)$/,
    );
    expect(
      await ask({ subject: 'operator', action: 'leads:pii:read', context: { time: '2026-11-24T03:00:00Z' } }),
    ).toMatchObject({
      allowed: false,
      rule: 'admin/deny:leads:pii:read',
    });
    expect((await explainAccess(null, { subject: 'nobody' })).every((decision) => !decision.allowed)).toBe(
      true,
    );
    expect(await codeOf(explainAccess(null, { subject: 'bff', context: { time: 'soon' } }))).toBe(
      'BAD_REQUEST',
    );
  });

  test('a document is explained field by field: what each needs, who decides, what would change it', async () => {
    const { explainAccess } = await openQuery();
    const document =
      'query Q { leads { company contact { email } campaign { ...C } nonsense } whoami { subject } } fragment C on Campaign { name spentEuros }';
    const decisions = await explainAccess(null, {
      subject: 'bff',
      document,
      context: { time: '2026-11-24T03:00:00Z' },
    });
    const told = new Map(decisions.map((decision) => [decision.coordinate, decision]));
    expect(told.get('Query.leads')).toMatchObject({
      action: 'leads:read',
      allowed: true,
      rule: 'bff/allow:leads:read',
    });
    expect(told.get('Lead.contact')).toMatchObject({ action: 'leads:pii:read', allowed: false, rule: null });
    expect(told.get('Lead.contact')?.nearMisses[0]).toContain(
      'leads:pii:read would be allowed to the role sales',
    );
    expect(told.get('Contact.email')).toMatchObject({
      allowed: false,
      nearMisses: ['is reached through Lead.contact alone, which is refused'],
    });
    expect(told.get('Campaign.spentEuros')).toMatchObject({ allowed: false });
    expect(told.get('Campaign.spentEuros')?.nearMisses.join()).toContain('the policy office_hours');
    expect(told.get('Query.whoami')).toMatchObject({ action: 'authenticated', allowed: true });
    expect(told.get('Lead.nonsense')).toMatchObject({
      allowed: false,
      nearMisses: ['there is no such field'],
    });
    expect(await codeOf(explainAccess(null, { subject: 'bff', document: '{' }))).toBe('GRAPHQL_PARSE_FAILED');
  });
});
