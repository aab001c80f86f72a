import { openHouseLine } from '@aduana/core/client/house-line';
import { HOUSE_SETTINGS, type HouseSettings } from '@aduana/core/config/house-settings';
import type { Health } from '@aduana/core/http/health';
import { openHttpService } from '@aduana/core/http/service';
import { serviceListeners } from '@aduana/core/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { createLeadsRoute } from './graphql-route.ts';
import { createLeadBook } from './lead-book.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from './sample-leads.ts';

/** What this subgraph reads of the environment: `LEADS_PORT`, and what every service reads. */
export const LEADS_SETTINGS = HOUSE_SETTINGS;

/** A subgraph as a user of Aduana would write it: its own data, and everything else from @aduana/core. */
export async function startLeads(
  settings: HouseSettings,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { identity, clock, log } = platform;
  const service = await openHttpService({
    name: 'leads',
    ...serviceListeners(settings, identity, settings.LEADS_PORT),
    platform,
  });
  const line = openHouseLine({ service: 'leads', settings, platform });
  const graphql = await createLeadsRoute({
    book: createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, clock),
    peers: new Set([`spiffe://${settings.TRUST_DOMAIN}/gateway`]),
    verify: line.verifier('leads'),
    mode: settings.AUTHORIZATION_MODE,
    log,
  });
  const health = (): Promise<Health> =>
    Promise.resolve({ status: line.status.fresh ? 'ok' : 'unavailable', checks: line.check() });
  service.serve([graphql], health, (thumbprint) => line.status.isCertificateRevoked(thumbprint));
  return {
    name: 'leads',
    url: `https://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    async stop() {
      await service.stop();
      await line.close();
    },
  };
}
