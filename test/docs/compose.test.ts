import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';

interface Service {
  readonly command?: readonly string[];
  /** With what it shares with others under `<<`. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly container_name?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Network {
  readonly internal?: boolean;
}
const { services, networks } = load(readFileSync('docker-compose.yml', 'utf8')) as {
  services: Readonly<Record<string, Service>>;
  networks: Readonly<Record<string, Network | null>>;
};
const OURS = ['sts', 'audit', 'admin', 'leads', 'gateway', 'console', 'bff', 'actuator'];

test('the login that migrates is held by the one-shot job alone, and every store waits for it', () => {
  const holders = Object.entries(services).filter(
    ([, { environment = {}, secrets = [] }]) =>
      'MIGRATION_DATABASE_URL' in environment || secrets.includes('migrate.pgpass'),
  );
  expect(holders.map(([name]) => name)).toEqual(['migrate']);
  for (const name of ['sts', 'audit', 'admin'])
    expect(services[name]?.depends_on?.['migrate']?.condition).toBe('service_completed_successfully');
});

describe.each(OURS)('%s', (name) => {
  const service = services[name] as Service;

  test('holds its own files alone', () => {
    const files = [...(service.secrets ?? []), ...(service.env_file ?? []), ...(service.volumes ?? [])];
    expect(files.filter((file) => !file.replace(/^deploy\/secrets\//, '').startsWith(name))).toEqual([]);
  });
});

test('only what publishes a port or calls the outside is on a network that leads there', () => {
  const leading = Object.entries(networks).filter(([, network]) => network?.internal !== true);
  expect(leading.map(([name]) => name)).toEqual(['front']);
  const outside = Object.entries(services).filter(([, service]) => service.networks?.includes('front'));
  expect(outside.map(([name]) => name)).toEqual(['gateway', 'balancer', 'console', 'bff']);
});

describe.each(['sts', 'audit', 'admin', 'gateway', 'leads'])('replicas of %s', (name) => {
  const { ports, container_name, environment: own = {} } = services[name] as Service;
  const environment = { ...(own['<<'] as unknown as object | undefined), ...own } as Readonly<
    Record<string, string>
  >;

  test('meet at no port and no name of the host', () => {
    expect([ports, container_name]).toEqual([undefined, undefined]);
  });

  test('have a home of their own each in the volume that they share', () => {
    expect(environment['SHARED_HOME']).toBe('true');
    expect(environment).not.toHaveProperty('INSTANCE');
  });
});

test('the balancer that holds the port of the gateway holds nothing else', () => {
  const { ports, networks: reached, volumes, secrets, env_file } = services['balancer'] as Service;
  expect(ports).toEqual(['127.0.0.1:4443:4443']);
  expect(reached).toEqual(['front']);
  expect(volumes).toEqual(['./deploy/haproxy:/usr/local/etc/haproxy:ro']);
  expect([secrets, env_file]).toEqual([undefined, undefined]);
});

test('the gateway admits the host name by which the others call it, and limits the rate of each caller', () => {
  const { PUBLIC_HOSTS, RATE_LIMIT_PER_MINUTE } = services['gateway']?.environment ?? {};
  expect(PUBLIC_HOSTS?.split(',')).toContain('gateway');
  expect(Number(RATE_LIMIT_PER_MINUTE)).toBeGreaterThan(0);
});
