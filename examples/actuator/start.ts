import type { ClientPlatform } from '@aduana/core/client/client-platform';
import { askGateway } from '@aduana/core/client/gateway-client';
import { openHouseLine } from '@aduana/core/client/house-line';
import { gatewayOrigin } from '@aduana/core/config/client-settings';
import type { RunningService } from '@aduana/core/http/service-platform';
import { runActuator } from './actuator.ts';
import type { ActuatorSettings } from './config.ts';

/** A worker with no face of its own: it polls the gateway over mTLS, each request with a fresh token bound to its certificate. */
export function startActuator(settings: ActuatorSettings, platform: ClientPlatform): RunningService {
  const { clock, log } = platform;
  const line = openHouseLine({ service: 'actuator', settings, platform });
  const gateway = line.client.peer({
    origin: gatewayOrigin(settings),
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/gateway`,
    failureCode: 'GATEWAY_UNAVAILABLE',
  });
  const stopping = new AbortController();
  const running = runActuator(
    {
      ask: async (document, variables, signal) =>
        askGateway(gateway, { document, variables, token: await line.sts.ownToken('gateway'), signal }),
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
    isReady: () => Promise.resolve(line.status.fresh),
    async stop() {
      stopping.abort();
      await running;
      await line.close();
    },
  };
}
