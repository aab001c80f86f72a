import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { load } from 'js-yaml';

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly env_file?: readonly string[];
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly volumes?: readonly string[];
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

test('only what publishes a port is on a network that leads outside', () => {
  const leading = Object.entries(networks).filter(([, network]) => network?.internal !== true);
  expect(leading.map(([name]) => name)).toEqual(['front']);
  const outside = Object.entries(services).filter(([, service]) => service.networks?.includes('front'));
  expect(outside.map(([name]) => name)).toEqual(['gateway', 'console', 'bff']);
});

test('the gateway admits the host name by which the others call it, and limits the rate of each caller', () => {
  const { PUBLIC_HOSTS, RATE_LIMIT_PER_MINUTE } = services['gateway']?.environment ?? {};
  expect(PUBLIC_HOSTS?.split(',')).toContain('gateway');
  expect(Number(RATE_LIMIT_PER_MINUTE)).toBeGreaterThan(0);
});
