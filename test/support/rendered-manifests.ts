import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadAll } from 'js-yaml';
import { commandsOf } from './foreign-parts.ts';

export const CHART = 'deploy/helm/aduana';
export const [helm] = toolsOf('helm');
const [kubectl] = toolsOf('kubectl');

/** What `tools/kubernetes/install.sh` unpacks, else what is installed. */
function toolsOf(name: string): readonly string[] {
  const own = resolve('tools/kubernetes/bin', name);
  return [...(existsSync(own) ? [own] : []), ...commandsOf(name)];
}

export interface Manifest {
  readonly kind: string;
  readonly metadata: { name: string; namespace?: string; annotations?: unknown };
}

function render(command = '', words: readonly string[] = []): readonly Manifest[] {
  const text = execFileSync(command, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return (loadAll(text) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}
/** The objects of the chart, with `--set` of each value. */
export const chart = (...values: readonly string[]) =>
  render(helm, [
    'template',
    'aduana',
    CHART,
    '--namespace',
    'aduana',
    ...values.flatMap((value) => ['--set', value]),
  ]);

/** The objects of a folder of kustomize. */
export const base = (folder = 'deploy/kubernetes') =>
  render(kubectl, ['kustomize', folder, '--load-restrictor', 'LoadRestrictionsNone']);

/** Whether both are there. */
export const canRender = helm !== undefined && kubectl !== undefined;
