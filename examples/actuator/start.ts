import { askGateway, type Clock, type Log, openClient } from '@aduana/client';
import { clientOptions } from '@aduana/server-kit/config/client-settings';
import type { RunningService } from '@aduana/server-kit/http/service-platform';
import { runActuator } from './actuator.ts';
import type { ActuatorSettings } from './config.ts';

/** A worker that listens nowhere: it polls the gateway over mTLS, each request with a token bound to its certificate. */
export async function startActuator(
  settings: ActuatorSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<RunningService> {
  const client = await openClient({ ...clientOptions('actuator', settings), log });
  const stopping = new AbortController();
  const running = runActuator(
    {
      ask: async (document, variables, signal) =>
        askGateway(client.gateway, {
          document,
          variables,
          token: await client.sts.ownToken('gateway'),
          signal,
        }),
      clock,
      log,
      pollMilliseconds: settings.ACTUATOR_POLL_INTERVAL,
      leastScore: settings.ACTUATOR_LEAST_SCORE,
    },
    stopping.signal,
  );
  return {
    name: 'actuator',
    url: '',
    isReady: () => Promise.resolve(client.status.fresh),
    async stop() {
      stopping.abort();
      await running;
      await client.close();
    },
  };
}
