import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandsOf } from './foreign-parts.ts';
import { freePort, untilListening } from './free-port.ts';

export const HAS_PROMETHEUS = commandsOf('prometheus', 'promtool').length >= 2;
export const RULES = resolve('deploy/observability/rules/aduana.rules.yaml');

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface PrometheusAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: string;
}

/** Debian's Prometheus, which scrapes one target each half second by the rules that are shipped. */
export interface Prometheus {
  query(expression: string): Promise<readonly PrometheusSample[]>;
  alerts(): Promise<readonly PrometheusAlert[]>;
  /** Health of the rules: an expression that cannot be evaluated is not `ok`. */
  ruleHealth(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function startPrometheus(target: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-prometheus-'));
  const port = await freePort();
  const config = {
    global: { scrape_interval: '500ms', scrape_timeout: '400ms', evaluation_interval: '500ms' },
    rule_files: [RULES],
    scrape_configs: [{ job_name: 'aduana', static_configs: [{ targets: [target] }] }],
  };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  await untilListening(port);
  const ask = async <Data>(path: string): Promise<Data> => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}/api/v1/${path}`, {
      headers: { connection: 'close' },
    });
    return ((await answer.json()) as { data: Data }).data;
  };
  return {
    async query(expression) {
      const path = `query?query=${encodeURIComponent(expression)}`;
      return (await ask<{ result: readonly PrometheusSample[] }>(path)).result;
    },
    alerts: async () => (await ask<{ alerts: readonly PrometheusAlert[] }>('alerts')).alerts,
    async ruleHealth() {
      const { groups } = await ask<{ groups: readonly { rules: readonly { health: string }[] }[] }>('rules');
      return groups.flatMap(({ rules }) => rules.map(({ health }) => health));
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
