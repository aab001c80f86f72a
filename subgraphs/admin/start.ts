import { readFile } from 'node:fs/promises';
import { openAuditLine } from '@aduana/core/client/audit-line';
import { type HouseLine, openHouseLine } from '@aduana/core/client/house-line';
import { createRefusalRecorder } from '@aduana/core/client/refusal-recorder';
import { DateTimeScalar } from '@aduana/core/graphql/date-time-scalar';
import type { Health } from '@aduana/core/http/health';
import type { Route } from '@aduana/core/http/route';
import { openHttpService } from '@aduana/core/http/service';
import { serviceListeners } from '@aduana/core/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { openPolicies } from '@aduana/core/iam/live-policies';
import { createSubgraphRoute } from '../start-subgraph.ts';
import type { AdminSettings } from './config.ts';
import { openAdmin, type OpenAdmin } from './open-admin.ts';
import { createResolvers } from './resolvers.ts';

/** The composition root of the admin service. */
export async function startAdmin(
  settings: AdminSettings,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { clock, log } = platform;
  const service = await openHttpService({
    name: 'admin',
    ...serviceListeners(settings, platform.identity, settings.ADMIN_PORT),
    platform,
  });
  const closers: (() => Promise<void>)[] = [() => service.stop()];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    const policies = await openPolicies({ folder: settings.POLICIES_DIR, clock, log });
    closers.push(() => policies.stop());
    const lineOptions = { service: 'admin', settings, platform };
    const line = openHouseLine(lineOptions);
    const auditLine = await openAuditLine(line, lineOptions);
    const admin = await openAdmin({ policies, line, audit: auditLine.audit, platform });
    closers.push(() => admin.close(), () => auditLine.close(), () => line.close()); // prettier-ignore
    service.serve(
      [await createGraphqlRoute(settings, platform, line, admin)],
      () => Promise.resolve(healthOf(line, { ...admin.check(), audit: auditLine.audit.state })),
      (thumbprint) => line.status.isCertificateRevoked(thumbprint),
      createRefusalRecorder(auditLine.audit, platform),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'admin',
    url: `https://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    stop,
  };
}

async function createGraphqlRoute(
  settings: AdminSettings,
  { clock, log }: ServicePlatform,
  line: HouseLine,
  admin: OpenAdmin,
): Promise<Route> {
  return createSubgraphRoute({
    name: 'admin',
    sdl: await readFile(new URL('schema.graphql', import.meta.url), 'utf8'),
    resolvers: {
      DateTime: DateTimeScalar,
      ...createResolvers({
        ...admin,
        readSupergraph: () => readFile(settings.SUPERGRAPH_SDL, 'utf8'),
        now: () => clock.now(),
      }),
    },
    peers: new Set([`spiffe://${settings.TRUST_DOMAIN}/gateway`]),
    verify: line.verifier('admin'),
    mode: settings.AUTHORIZATION_MODE,
    log,
  });
}

function healthOf(line: HouseLine, own: Readonly<Record<string, string>>): Health {
  const checks = { ...line.check(), ...own };
  const ok = Object.values(checks).every((state) => state === 'ok');
  return { status: checks['status'] !== 'ok' ? 'unavailable' : ok ? 'ok' : 'degraded', checks };
}
