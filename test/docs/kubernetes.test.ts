import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadAll } from 'js-yaml';

const FOLDER = 'deploy/kubernetes';

interface PodSpec {
  readonly enableServiceLinks?: boolean;
  readonly containers: readonly { readonly env?: readonly { name: string; value?: string }[] }[];
  readonly volumes?: readonly { readonly secret?: { readonly secretName: string } }[];
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}
const MANIFESTS = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
  .flatMap((file) => loadAll(readFileSync(join(FOLDER, file), 'utf8')) as Manifest[]);
const WORKLOADS = MANIFESTS.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind));

test('Kubernetes names no address of a service as one of our ports, as STS_PORT would be of the service sts', () => {
  expect(WORKLOADS.length).toBeGreaterThan(0);
  for (const { spec } of WORKLOADS) expect(spec.template.spec.enableServiceLinks).toBe(false);
});

describe('logins', () => {
  const secretsOf = ({ spec }: Manifest) =>
    (spec.template.spec.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []);

  test('a service holds no database login but its own, and the login that migrates is held by the job alone', () => {
    for (const workload of WORKLOADS) {
      const { name } = workload.metadata;
      const logins = secretsOf(workload).filter((secret) => secret.endsWith('-database'));
      expect(logins).toEqual(['sts', 'audit', 'admin', 'migrate'].includes(name) ? [`${name}-database`] : []);
      const migrates = JSON.stringify(workload).includes('MIGRATION_DATABASE_URL');
      expect([name, migrates]).toEqual([name, name === 'migrate']);
    }
  });

  test('a service holds no certificate but its own', () => {
    for (const workload of WORKLOADS)
      for (const secret of secretsOf(workload).filter((name) => name.endsWith('-certs')))
        expect(secret).toBe(`${workload.metadata.name}-certs`);
  });
});

describe('the gateway', () => {
  const gateway = WORKLOADS.find(({ metadata }) => metadata.name === 'gateway');
  const variables = new Map(
    gateway?.spec.template.spec.containers.flatMap(({ env = [] }) => env).map(({ name, value }) => [name, value]),
  ); // prettier-ignore

  test('admits the host name by which the others call it', () => {
    expect(variables.get('PUBLIC_HOSTS')?.split(',')).toContain('gateway');
  });

  test('limits the rate of each caller', () => {
    expect(Number(variables.get('RATE_LIMIT_PER_MINUTE'))).toBeGreaterThan(0);
  });
});
