import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeWith } from '../support/foreign-parts.ts';
import { base, canRender, chart, CHART, helm, type Manifest } from '../support/rendered-manifests.ts';

/** A secret, a file or a name that each pod has of its own, or a login: nothing for the ConfigMap of all services. */
const SET_OTHERWISE: ReadonlySet<string> = new Set([
  ...['MIGRATION_DATABASE_URL', 'DATABASE_URL', 'REDIS_URL', 'SSF_PORT', 'INSTANCE', 'SHARED_HOME'],
  ...['ADUANA_HOME', 'CERTS_DIR', 'POLICIES_DIR', 'ADUANA_MASTER_KEY_FILE'],
  ...['VAULT_TOKEN', 'VAULT_SECRET_ID', 'SUPERGRAPH_SDL_KEY', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ...['CONSOLE_OIDC_CLIENT_SECRET', 'LEADS_REDIS_URL'],
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

/** Which the chart gives its pods; kustomize has a hash in the name of the ConfigMap instead. */
const OF_THE_CHART = 'checksum/settings';

const UNORDERED: ReadonlySet<string> = new Set(['from', 'to', 'env', 'policyTypes', 'egress', 'ingress']);

function ordered(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => ordered(item));
    return UNORDERED.has(key)
      ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (OF_THE_CHART in value) return undefined;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, ordered(member, name)]));
}

describeWith('helm and kubectl (sh tools/kubernetes/install.sh)', canRender, 'the Helm chart', () => {
  test('renders the objects of the kustomize base', () => {
    expect(comparable(chart())).toEqual(comparable(base()));
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

  test('gives replicas of the STS one master key, hosts of their own, and one that always runs', () => {
    const objects = chart('sts.replicas=2', 'sts.masterKeySecret=sts-master');
    const named = (kind: string) =>
      JSON.stringify(objects.find((one) => one.kind === kind && one.metadata.name === 'sts'));
    expect(named('StatefulSet')).toMatch(/"replicas":2.*topologySpreadConstraints/);
    expect(named('StatefulSet')).toContain(
      '{"name":"ADUANA_MASTER_KEY_FILE","value":"/run/secrets/master/master.key"}',
    );
    expect(named('StatefulSet')).toContain('{"secretName":"sts-master","defaultMode":288}');
    expect(named('PodDisruptionBudget')).toContain('"minAvailable":1');
    expect(JSON.stringify(objects.filter(({ metadata }) => metadata.name !== 'sts'))).not.toContain('master');
  });

  test('replaces the pods when a setting changes', () => {
    const pods = (...values: string[]) =>
      chart(...values)
        .map((manifest) => JSON.stringify(manifest).match(/"checksum\/settings":"[0-9a-f]{64}"/)?.[0])
        .filter((hash) => hash !== undefined);
    expect(new Set(pods()).size).toBe(1);
    expect(pods('settings.LOG_LEVEL=debug')).toHaveLength(pods().length);
    expect(pods('settings.LOG_LEVEL=debug')[0]).not.toBe(pods()[0]);
  });

  test('scales the gateway by CPU time and by its own metric where that is asked for', () => {
    const scaler = (...values: string[]) =>
      JSON.stringify(chart(...values).find(({ kind }) => kind === 'HorizontalPodAutoscaler') ?? 'none');
    expect(scaler()).toBe('"none"');
    expect(scaler('gateway.maxReplicas=6')).toMatch(/"minReplicas":2,"maxReplicas":6.*"averageValue":"600m"/);
    expect(scaler('gateway.maxReplicas=6')).not.toContain('Pods');
    const both = chart('gateway.maxReplicas=6', 'gateway.targetOperations=40');
    expect(JSON.stringify(both)).toContain('{"name":"aduana_operations_in_progress"}');
    const gateway = both.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'gateway');
    expect(JSON.stringify(gateway)).not.toContain('"replicas"');
  });

  test('shares keys by the provider where that is not the local one', () => {
    const shared = chart('audit.replicas=3', 'settings.SECRET_PROVIDER=vault');
    expect(JSON.stringify(shared)).not.toContain('ADUANA_MASTER_KEY_FILE');
  });

  test('gives secret variables to the service that they are for, and to no other', () => {
    const holders = chart('secretSettings.console=console-oidc')
      .filter((manifest) => JSON.stringify(manifest).includes('{"secretRef":{"name":"console-oidc"}}'))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(holders).toEqual(['StatefulSet console']);
  });

  test('every documented variable can be set: for all, as a secret, by a value of its own, or as the chart must', () => {
      const names = [...readFileSync('docs/configuration.md', 'utf8').matchAll(/^\| `([A-Z][A-Z0-9_]*)`/gm)].map(
        ([, name = '']) => name,
      );
      expect(names.length).toBeGreaterThan(100);
      const refused = names.filter((name) => SET_OTHERWISE.has(name));
      const free = names.filter((name) => !SET_OTHERWISE.has(name));
      const settings = chart(...free.map((name) => `settings.${name}=x`)).find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'aduana',
      ) as unknown as { data: Readonly<Record<string, string>> };
      expect(free.filter((name) => !(name in settings.data))).toEqual([]);
      expect(refused.sort()).toEqual([...SET_OTHERWISE].sort());
      for (const name of refused) expect(() => chart(`settings.${name}=x`)).toThrow(/specifications/);
    }, 60_000); // prettier-ignore

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
      const objects = base(overlay)
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
    ['settings.VAULT_TOKEN=x', 'a secret in a ConfigMap'],
    ['settings.BFF_CLIENT_SECRET=x', 'a secret in a ConfigMap'],
    ['sts.replicas=2', 'replicas of the STS that share no key'],
    ['audit.replicas=2', 'replicas of the audit log that share no key'],
    ['secretSettings.postgres=x', 'a service that there is not'],
    ['gateway.replicas=0', 'no gateway'],
    ['gateway.rateLimitPerMinute=0', 'no rate at all'],
    ['gatway.replicas=2', 'a name that is not known'],
  ])('%s is refused: %s', (value) => {
    expect(() => chart(value)).toThrow(/values don't meet the specifications/);
  });
});
