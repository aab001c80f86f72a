import cluster from 'node:cluster';
import type { RunningDeployment } from './start-deployment.ts';
import { createWorkerChannel } from '../gateway/workers/worker-channel.ts';
import { createWorkerLimits, type WorkerLimits } from '../gateway/workers/worker-limits.ts';
import type { CommandContext } from './command-context.ts';
import type { ConfiguredService, DeploymentService } from './deployment-services.ts';
import { unlessAsked, untilAsked } from './shutdown.ts';
import { startDeployment } from './start-deployment.ts';

const PLACE = /^(\d{1,3})\/(\d{1,3})( joins)?$/;

/** Runs one of several processes of the gateway, until the primary or a signal ends it. */
export async function runWorker(service: DeploymentService, context: CommandContext): Promise<void> {
  const { clock, log, environment } = context;
  const place = PLACE.exec(environment['ADUANA_WORKER'] ?? '');
  if (place === null) throw new TypeError('The primary says which worker this is');
  const asked = untilAsked();
  const running: { deployment?: RunningDeployment | undefined } = {};
  let limits: WorkerLimits | undefined;
  const channel = createWorkerChannel<'worker'>(
    (message) => {
      if (process.connected) process.send?.(message);
    },
    (question) =>
      question.kind === 'recall'
        ? (limits?.recall(question.key) ?? 0)
        : (running.deployment?.metrics.snapshot() ?? []),
  );
  process.on('message', (message) => {
    channel.receive(message);
  });
  const summed = () => channel.ask({ kind: 'metrics' }) as Promise<{ contentType: string; body: string }>;
  const wrapped: DeploymentService = {
    ...service,
    async configure(given) {
      const configured: ConfiguredService = await service.configure(given);
      const { settings } = configured;
      if (settings.REDIS_URL === undefined)
        limits = createWorkerLimits(channel, clock, settings.LIMIT_CONCURRENT_OPERATIONS !== 'off');
      return {
        settings,
        start: (platform, worker) =>
          configured.start(
            { ...platform, metrics: { ...platform.metrics, expose: summed } },
            worker && { ...worker, shared: limits },
          ),
      };
    },
  };
  const worker = {
    number: Number(place[1]),
    count: Number(place[2]),
    isReplacement: place[3] !== undefined,
    shared: undefined,
  };
  const options = { makeCertificates: false, wholeDeployment: false, worker };
  const deployment = await unlessAsked(asked, (signal) =>
    startDeployment([wrapped], context, { ...options, signal }),
  );
  running.deployment = deployment;
  if (deployment !== undefined) {
    await channel.ask({ kind: 'started', url: deployment.services[0]?.url ?? '' });
    await deployment.stop(await asked);
  }
  log.debug('a worker has stopped', { number: worker.number });
  await limits?.close();
  cluster.worker?.disconnect();
}
