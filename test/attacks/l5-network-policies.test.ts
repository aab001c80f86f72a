import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadAll } from 'js-yaml';

const FOLDER = 'deploy/kubernetes';

interface Peer {
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports: readonly { readonly port: number }[];
}
interface NetworkPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

const MANIFESTS = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  .flatMap(
    (file) =>
      loadAll(readFileSync(join(FOLDER, file), 'utf8')) as {
        readonly kind: string;
        readonly metadata: { readonly name: string };
      }[],
  );
const WORKLOADS = MANIFESTS.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind));
const POLICIES = MANIFESTS.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];

/** A pod that was taken reaches, and is reached by, what its service needs and nothing else. */
describe('network policies', () => {
  /** Who needs whom: the first opens connections to the others. */
  const NEEDED: Readonly<Record<string, readonly string[]>> = {
    gateway: ['sts:8011', 'audit:8012', 'admin:8013', 'leads:8014', 'redis:6379'],
    sts: ['audit:8012', 'postgres:5432', 'redis:6379'],
    audit: ['sts:8011', 'postgres:5432', 'redis:6379'],
    admin: ['sts:8011', 'audit:8012', 'postgres:5432', 'redis:6379'],
    console: ['gateway:4443', 'sts:8011', 'audit:8012', 'redis:6379'],
    leads: ['sts:8011', 'redis:6379'],
    bff: ['sts:8011', 'gateway:4443'],
    actuator: ['sts:8011', 'gateway:4443'],
    migrate: ['postgres:5432'],
  };
  const PAIRS = Object.entries(NEEDED)
    .flatMap(([from, targets]) => targets.map((to) => `${from} -> ${to}`))
    .sort();
  const OPEN_TO_ALL = ['bff:8080', 'console:8090', 'gateway:4443'];
  const own = POLICIES.filter(({ metadata }) => metadata.name !== 'aduana-default');
  const nameOf = ({ podSelector }: Peer): string => {
    const name = podSelector?.matchLabels['app.kubernetes.io/name'];
    if (name === undefined || Object.keys(podSelector?.matchLabels ?? {}).length !== 1)
      throw new Error('a rule names pods by something else than app.kubernetes.io/name');
    return name;
  };

  test('whatever is not named is refused in both directions, but for names', () => {
    const { spec } = POLICIES.find(({ metadata }) => metadata.name === 'aduana-default') as NetworkPolicy;
    expect(spec.podSelector.matchLabels).toEqual({ 'app.kubernetes.io/part-of': 'aduana' });
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec.ingress).toBeUndefined();
    expect(spec.egress?.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([53, 53]);
  });

  test('each pair that is needed may connect, and no other: who may call', () => {
    const allowed = own.flatMap((policy) =>
      (policy.spec.egress ?? []).flatMap(({ to = [], ports }) =>
        to.flatMap((peer) => ports.map(({ port }) => `${nameOf(policy.spec)} -> ${nameOf(peer)}:${String(port)}`)),
      ),
    ); // prettier-ignore
    expect(allowed.sort()).toEqual(PAIRS);
    for (const rule of own.flatMap(({ spec }) => spec.egress ?? [])) expect(rule.to).not.toHaveLength(0);
  });

  test('each pair that is needed may connect, and no other: who may be called', () => {
    const rules = own.flatMap(({ spec }) =>
      (spec.ingress ?? []).map((rule) => ({ target: nameOf(spec), rule })),
    );
    const allowed = rules.flatMap(({ target, rule: { from = [], ports } }) =>
      from.flatMap((peer) => ports.map(({ port }) => `${nameOf(peer)} -> ${target}:${String(port)}`)),
    ); // prettier-ignore
    expect(allowed.sort()).toEqual(PAIRS.filter((pair) => !pair.includes('gateway:')));
    const open = rules
      .filter(({ rule }) => rule.from === undefined)
      .flatMap(({ target, rule }) => rule.ports.map(({ port }) => `${target}:${String(port)}`));
    expect(open.sort()).toEqual(OPEN_TO_ALL);
  });

  test('the port for security events is open where its component is, and nowhere else', () => {
    const read = (file: string) => readFileSync(join(FOLDER, 'shared-signals', file), 'utf8');
    const [policy] = loadAll(read('network-policy.yaml')) as [NetworkPolicy];
    const { podSelector, policyTypes, ingress, egress } = policy.spec;
    expect(nameOf({ podSelector })).toBe('sts');
    expect({ policyTypes, egress }).toEqual({ policyTypes: ['Ingress'], egress: undefined });
    const [rule] = ingress ?? [];
    const port = String(rule?.ports[0]?.port);
    expect(ingress).toEqual([{ ports: [{ port: Number(port) }] }]);
    expect(read('kustomization.yaml')).toContain(`{ name: SSF_PORT, value: '${port}' }`);
    expect(JSON.stringify(MANIFESTS)).not.toMatch(new RegExp(`SSF_PORT|${port}`));
  });

  test('each workload has a policy of its own', () => {
    const covered = new Set(own.map(({ spec }) => nameOf(spec)));
    expect(WORKLOADS.map(({ metadata }) => metadata.name).filter((name) => !covered.has(name))).toEqual([]);
  });
});
