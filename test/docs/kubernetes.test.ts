import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const FOLDER = 'deploy/kubernetes';
const WORKLOADS = readdirSync(FOLDER)
  .flatMap((file) => readFileSync(join(FOLDER, file), 'utf8').split('\n---\n'))
  .filter((manifest) => /^kind: (Deployment|StatefulSet)$/m.test(manifest));

test('Kubernetes names no address of a service as one of our ports, as STS_PORT would be of the service sts', () => {
  expect(WORKLOADS.length).toBeGreaterThan(0);
  for (const manifest of WORKLOADS) expect(manifest).toMatch(/^ {6}enableServiceLinks: false$/m);
});
