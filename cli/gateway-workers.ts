import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { exposeSum, type MetricsSnapshot } from '@aduana/server-kit/platform/create-metrics';
import { acquireHomeLock } from '@aduana/server-kit/store/home-lock';
import { GATEWAY_SETTINGS, type GatewaySettings } from '../gateway/config.ts';
import { createPrimaryLimits } from '../gateway/workers/primary-limits.ts';
import { createWorkerChannel, type WorkerChannel } from '../gateway/workers/worker-channel.ts';
import type { PrimaryQuestion, WorkerQuestion } from '../gateway/workers/worker-messages.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import type { DeploymentService } from './deployment-services.ts';
import { runWorker } from './gateway-worker-process.ts';
import { openMetricsPort } from './metrics-port.ts';
import { checkPorts, createPreflight } from './preflight.ts';
import { type StopSignal, untilAsked } from './shutdown.ts';

interface RunningWorker {
  readonly worker: Worker;
  readonly number: number;
  readonly startedAt: number;
  readonly channel: WorkerChannel<PrimaryQuestion>;
}

/** A worker that ends sooner is replaced later. */
const STEADY_MS = 10_000;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** Runs the gateway in several processes (node:cluster): in a worker as one of them, else as their primary. */
export async function runGatewayWorkers(
  service: DeploymentService,
  count: number,
  context: CommandContext,
): Promise<void> {
  if (cluster.isWorker) await runWorker(service, context);
  else await runPrimary(count, context);
}

async function runPrimary(count: number, context: CommandContext): Promise<void> {
  const { clock, log } = context;
  const asked = untilAsked();
  const settings = loadConfig(GATEWAY_SETTINGS, context.environment);
  const lock = await acquireHomeLock(settings.ADUANA_HOME, 'gateway', clock);
  try {
    await requirePorts(settings);
    const primary = new Primary(count, settings, context);
    const metricsPort = await openMetricsPort(settings, { expose: () => primary.expose() }, { clock, log });
    try {
      await primary.run(asked);
    } finally {
      await metricsPort?.stop();
    }
  } finally {
    await lock.release();
  }
}

/** Workers share what is open: whether it can be had is asked before there are any. */
async function requirePorts(settings: GatewaySettings): Promise<void> {
  const preflight = createPreflight();
  const { GATEWAY_HTTP_PORT, GATEWAY_TLS_PORT, HEALTH_PORT } = settings;
  const ports = Object.entries({ GATEWAY_HTTP_PORT, GATEWAY_TLS_PORT, HEALTH_PORT }).flatMap(
    ([variable, port]) => (port === 'off' ? [] : [{ variable, port }]),
  );
  await checkPorts(preflight, settings.BIND_ADDRESS, ports);
  preflight.assertNone();
}

/** Starts workers, replaces those that end, counts for them and stops them all. */
class Primary {
  readonly #count: number;
  readonly #settings: GatewaySettings;
  readonly #context: CommandContext;
  readonly #running = new Map<number, RunningWorker>();
  readonly #limits;
  #isStopping = false;
  #hasServed = false;
  #failedStarts = 0;

  constructor(count: number, settings: GatewaySettings, context: CommandContext) {
    this.#count = count;
    this.#settings = settings;
    this.#context = context;
    this.#limits = createPrimaryLimits({
      clock: context.clock,
      concurrent: settings.LIMIT_CONCURRENT_OPERATIONS,
      recall: async (number, key) =>
        ((await this.#running.get(number)?.channel.ask({ kind: 'recall', key })) ?? 0) as number,
    });
  }

  /** The first worker alone checks the configuration; the others follow once it serves. */
  async run(asked: Promise<StopSignal>): Promise<void> {
    const first = this.#start(1);
    const failed = once(first.worker, 'exit').then(([code]) => code as number | null);
    const signal = await Promise.race([asked, this.#whenFirstServes(), failed]);
    if (!this.#hasServed && (typeof signal === 'number' || signal === null) && !this.#isStopping)
      throw new CommandFailure(signal ?? 1, '');
    await this.#stop(await asked);
  }

  /** The metrics of all workers, added up. */
  async expose(): Promise<{ contentType: string; body: string }> {
    const snapshots = [...this.#running.values()].map(({ channel }) =>
      (channel.ask({ kind: 'snapshot' }) as Promise<MetricsSnapshot>).catch((): MetricsSnapshot => []),
    );
    return exposeSum(await Promise.all(snapshots));
  }

  #served: () => void = () => undefined;

  #whenFirstServes(): Promise<undefined> {
    return new Promise((resolve) => {
      this.#served = () => {
        resolve(undefined);
      };
    });
  }

  #start(number: number): RunningWorker {
    const { clock } = this.#context;
    const worker = cluster.fork({ ...this.#context.environment, ...this.#environmentOf(number) });
    const channel = createWorkerChannel<'primary'>(
      (message) => {
        if (worker.isConnected()) worker.send(message);
      },
      (question) => this.#answer(number, question),
    );
    const running: RunningWorker = { worker, number, startedAt: clock.monotonic(), channel };
    this.#running.set(number, running);
    worker.on('message', (message) => {
      channel.receive(message);
    });
    worker.on('error', () => undefined); // its exit follows
    worker.on('exit', (code, signal) => {
      this.#lose(running, code, signal);
    });
    return running;
  }

  /** Each worker has its part of what is counted by each process alone. */
  #environmentOf(number: number): Record<string, string> {
    const part = (value: number | 'off'): string =>
      value === 'off' ? 'off' : String(Math.max(1, Math.floor(value / this.#count)));
    const { LIMIT_OPERATIONS_IN_PROGRESS, LIMIT_OPERATIONS_WAITING, ANONYMOUS_EVENTS_PER_MINUTE } =
      this.#settings;
    return {
      ADUANA_WORKER: `${String(number)}/${String(this.#count)}${this.#hasServed ? ' joins' : ''}`,
      METRICS_PORT: 'off',
      LIMIT_OPERATIONS_IN_PROGRESS: part(LIMIT_OPERATIONS_IN_PROGRESS),
      LIMIT_OPERATIONS_WAITING: part(LIMIT_OPERATIONS_WAITING),
      ANONYMOUS_EVENTS_PER_MINUTE: part(ANONYMOUS_EVENTS_PER_MINUTE),
    };
  }

  #answer(number: number, question: WorkerQuestion): unknown {
    if (question.kind === 'metrics') return this.expose();
    if (question.kind !== 'started') return this.#limits.answer(number, question);
    if (!this.#hasServed) {
      this.#hasServed = true;
      this.#context.print(`gateway listens at ${question.url}, in ${String(this.#count)} processes`);
      for (let other = 2; other <= this.#count; other += 1) if (!this.#isStopping) this.#start(other);
      this.#served();
    }
    return undefined;
  }

  #lose(running: RunningWorker, code: number | null, signal: string | null): void {
    const { number, startedAt, channel } = running;
    const { clock, log } = this.#context;
    channel.end();
    this.#limits.forget(number);
    this.#running.delete(number);
    if (this.#isStopping || !this.#hasServed) return;
    const isSteady = clock.monotonic() - startedAt >= STEADY_MS;
    this.#failedStarts = isSteady ? 0 : this.#failedStarts + 1;
    const pause = isSteady ? 0 : Math.min(LONGEST_PAUSE_MS, PAUSE_MS * this.#failedStarts);
    log.error('a worker of the gateway ended and is replaced', { number, code, signal, pause });
    clock.after(pause, () => {
      if (!this.#isStopping) this.#start(number);
    });
  }

  /** All at once: each says that it is not ready, serves on for DRAIN_SECONDS and ends. */
  async #stop(signal: StopSignal): Promise<void> {
    this.#isStopping = true;
    await Promise.all(
      [...this.#running.values()].map(async ({ worker }) => {
        if (worker.isDead()) return;
        const exited = once(worker, 'exit');
        worker.process.kill(signal);
        await exited;
      }),
    );
  }
}
