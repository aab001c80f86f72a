import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { loadAll } from 'js-yaml';
import { commandsOf, describeWith } from '../support/foreign-parts.ts';

const CHART = 'deploy/helm/aduana';
const [helm] = toolsOf('helm');
const [kubectl] = toolsOf('kubectl');

/** What `tools/kubernetes/install.sh` unpacks, else what is installed. */
function toolsOf(name: string): readonly string[] {
  const own = resolve('tools/kubernetes/bin', name);
  return [...(existsSync(own) ? [own] : []), ...commandsOf(name)];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; annotations?: unknown };
}

function render(command = '', words: readonly string[] = []): readonly Manifest[] {
  const text = execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return (loadAll(text) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}
const chart = (...values: readonly string[]) =>
  render(helm, [
    'template',
    'aduana',
    CHART,
    '--namespace',
    'aduana',
    ...values.flatMap((value) => ['--set', value]),
  ]);

/** By kind and name, without what each tool adds: hashes in names, the namespace, hooks, the order of peers and rules. */
function comparable(manifests: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const entries = manifests
    .filter(({ kind, metadata }) => !(kind === 'ConfigMap' && metadata.name === 'policies'))
    .map((manifest) => {
      const { metadata } = manifest;
      delete metadata.namespace;
      delete metadata.annotations;
      const text = JSON.stringify(ordered(manifest)).replaceAll(/"aduana-[a-z0-9]{10}"/g, '"aduana"');
      const plain = JSON.parse(text) as Manifest;
      return [`${plain.kind} ${plain.metadata.name}`, plain] as const;
    });
  return Object.fromEntries(entries);
}

const UNORDERED: ReadonlySet<string> = new Set(['from', 'to', 'env', 'policyTypes', 'egress', 'ingress']);

function ordered(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => ordered(item));
    return UNORDERED.has(key)
      ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, ordered(member, name)]));
}

describeWith(
  'helm and kubectl (sh tools/kubernetes/install.sh)',
  helm !== undefined && kubectl !== undefined,
  'the Helm chart',
  () => {
    test('renders the objects of the kustomize base', () => {
      const base = render(kubectl, [
        'kustomize',
        'deploy/kubernetes',
        '--load-restrictor',
        'LoadRestrictionsNone',
      ]);
      expect(comparable(chart())).toEqual(comparable(base));
    });

    test('lints without a warning', () => {
    expect(execFileSync(helm ?? '', ['lint', '--strict', CHART], { encoding: 'utf8' })).toContain('0 chart(s) failed');
  }); // prettier-ignore

    test('without the examples names none of them', () => {
      const names = chart('examples=false').map(({ metadata }) => metadata.name);
      expect(names).toContain('gateway');
      expect(names.filter((name) => ['leads', 'bff', 'actuator'].includes(name))).toEqual([]);
      expect(JSON.stringify(chart('examples=false'))).not.toContain('leads');
    });

    test('opens the port for security events where it is set, and nowhere else', () => {
      const opened = (...values: string[]) =>
        chart(...values)
          .filter((manifest) => JSON.stringify(manifest).includes('8015'))
          .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(opened()).toEqual([]);
      expect(opened('sts.ssfPort=8015').sort()).toEqual([
        'NetworkPolicy sts',
        'Service sts',
        'StatefulSet sts',
      ]);
      expect(opened('sts.ssfPort=8015', 'networkPolicy.enabled=false').sort()).toEqual([
        'Service sts',
        'StatefulSet sts',
      ]);
    });

    test('the component opens the same port of the kustomize base', () => {
      const overlay = mkdtempSync(join('deploy', '.overlay-'));
      try {
        const text = 'resources: [../kubernetes]\ncomponents: [../kubernetes/shared-signals]\n';
        writeFileSync(join(overlay, 'kustomization.yaml'), text);
        const objects = render(kubectl, ['kustomize', overlay, '--load-restrictor', 'LoadRestrictionsNone'])
          .filter((manifest) => JSON.stringify(manifest).includes('8015'))
          .map(({ kind, metadata }) => `${kind} ${metadata.name} ${String(metadata.namespace)}`);
        expect(objects.sort()).toEqual([
          'NetworkPolicy sts-shared-signals aduana',
          'Service sts aduana',
          'StatefulSet sts aduana',
        ]);
      } finally {
        rmSync(overlay, { recursive: true });
      }
    });

    test.each([
      ['settings.SSF_PORT=8015', 'a port that nothing opens'],
      ['sts.ssfPort=80', 'a port that a process without privileges cannot have'],
      ['settings.MIGRATION_DATABASE_URL=postgres://x@y/z', 'a login for every service'],
      ['settings.REDIS_URL=redis://x', 'one user of Redis for every service'],
      ['gateway.replicas=0', 'no gateway'],
      ['gateway.rateLimitPerMinute=0', 'no rate at all'],
      ['gatway.replicas=2', 'a name that is not known'],
    ])('%s is refused: %s', (value) => {
      expect(() => chart(value)).toThrow(/values don't meet the specifications/);
    });
  },
);
