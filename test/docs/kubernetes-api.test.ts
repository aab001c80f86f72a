import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { describeWith } from '../support/foreign-parts.ts';
import { base, canRender, chart, type Manifest } from '../support/rendered-manifests.ts';

const hasSchemas = existsSync('tools/kubernetes/node_modules/kubernetes-models');

/** What the schemas of the API say against objects, one line each. */
function problemsOf(manifests: readonly Manifest[]): string {
  const options = { input: JSON.stringify(manifests), encoding: 'utf8' as const };
  return spawnSync(process.execPath, ['tools/kubernetes/check-objects.js'], options).stdout;
}

const EVERYTHING = [
  ...['sts.replicas=2', 'sts.masterKeySecret=sts-master', 'sts.ssfPort=8015', 'audit.replicas=2'],
  ...['audit.masterKeySecret=audit-master', 'secretSettings.console=console-oidc', 'storage.className=fast'],
  ...['settings.LOG_LEVEL=debug', 'gateway.publicHosts={graphql.example.com}'],
  ...['gateway.maxReplicas=6', 'gateway.targetOperations=40'],
];

interface Workload {
  readonly spec?: {
    readonly template?: {
      readonly spec: {
        readonly securityContext: object;
        readonly containers: readonly { readonly securityContext: object }[];
        readonly volumes: readonly object[];
        readonly hostNetwork?: boolean;
        readonly hostPID?: boolean;
      };
    };
  };
}
const ALLOWED_VOLUMES: ReadonlySet<string> = new Set(['name', 'secret', 'configMap', 'emptyDir']);

describeWith(
  'helm, kubectl and the schemas of the API (sh tools/kubernetes/install.sh)',
  canRender && hasSchemas,
  'what Kubernetes says of the manifests',
  () => {
    test('the objects of the base and of the chart are those of the API', () => {
      expect(problemsOf([...base(), ...chart(), ...chart(...EVERYTHING)])).toBe('');
    }, 180_000); // prettier-ignore

    test('a field that the API does not have, and a value of another type, are found', () => {
      const [one] = chart().filter(({ kind }) => kind === 'StatefulSet') as [Manifest & { spec: object }];
      const wrong = [{ replica: 2 }, { replicas: 'two' }].map((more) => ({ ...one, spec: { ...one.spec, ...more } }));
      expect(problemsOf(wrong)).toMatch(/replicas must be integer.*"replica"/s);
    }, 180_000); // prettier-ignore

    test.each([['the base'], ['the chart']])('the pods of %s are restricted, as Pod Security has it', (of) => {
      const all = of === 'the chart' ? chart(...EVERYTHING) : base();
      const pods = all.flatMap((manifest) => (manifest as unknown as Workload).spec?.template?.spec ?? []);
      expect(pods.length).toBeGreaterThan(7);
      for (const { securityContext, containers, volumes, hostNetwork, hostPID } of pods) {
        expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
        expect([hostNetwork, hostPID]).toEqual([undefined, undefined]);
        for (const container of containers)
          expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } });
        expect(volumes.flatMap((volume) => Object.keys(volume)).filter((key) => !ALLOWED_VOLUMES.has(key))).toEqual([]);
      }
    }); // prettier-ignore
  },
);
