import { openHouseLine } from '@aduana/core/client/house-line';
import { createRefusalRecorder } from '@aduana/core/client/refusal-recorder';
import type { Health } from '@aduana/core/http/health';
import { openHttpService } from '@aduana/core/http/service';
import { serviceListeners } from '@aduana/core/http/service-listeners';
import type { RunningService, ServicePlatform } from '@aduana/core/http/service-platform';
import { openPolicies } from '@aduana/core/iam/live-policies';
import { createStoreCheck } from '@aduana/core/store/store-check';
import { createCheckpointRoutes } from './checkpoints/checkpoint-routes.ts';
import type { AuditSettings } from './config.ts';
import { createGraphqlRoute } from './graphql-route.ts';
import { createEventsRoute } from './log/events-route.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { createPersonalDataRoutes } from './reading/personal-data-routes.ts';
import { createTileRoutes } from './reading/tile-routes.ts';

/** The audit log's composition root. */
export async function startAudit(
  settings: AuditSettings,
  platform: ServicePlatform,
): Promise<RunningService> {
  const { identity } = platform;
  const service = await openHttpService({
    name: 'audit',
    ...serviceListeners(settings, identity, settings.AUDIT_PORT),
    platform,
  });
  const closers: (() => Promise<void>)[] = [() => service.stop()];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    const line = openHouseLine({ service: 'audit', settings, platform });
    const log = await openLog(settings, platform);
    closers.push(() => log.close(), () => line.close()); // prettier-ignore
    const policies = await openPolicies({ folder: settings.POLICIES_DIR, ...platform });
    closers.push(() => policies.stop());
    const verify = line.verifier('audit');
    const authority = {
      policies: () => policies.current(),
      status: line.status,
      clock: platform.clock,
    };
    const trustDomain = settings.TRUST_DOMAIN;
    const checkStore = createStoreCheck(log.reader, platform.clock);
    service.serve(
      [
        createEventsRoute({ trustDomain, verify, ingest: log.ingest }),
        ...createCheckpointRoutes(log),
        ...createTileRoutes({ ...log, ...authority }),
        ...createPersonalDataRoutes({ ...log, ...authority }),
        await createGraphqlRoute({
          ...log,
          trustDomain,
          verify,
          mode: settings.AUTHORIZATION_MODE,
          log: platform.log,
        }),
      ],
      async () => healthOf(log, { ...line.check(), database: await checkStore() }),
      (thumbprint) => line.status.isCertificateRevoked(thumbprint),
      createRefusalRecorder(log.audit, platform),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'audit',
    url: `https://localhost:${String(service.ports[0])}`,
    isReady: () => service.isReady(),
    stop,
  };
}

function healthOf(log: OpenLog, parts: Readonly<Record<string, string>>): Health {
  const checks = {
    ...parts,
    log: log.contradiction() ?? (log.ingest.isRefusing ? 'events are refused' : 'ok'),
    audit: log.audit.state,
  };
  if (parts['status'] !== 'ok' || parts['database'] !== 'ok') return { status: 'unavailable', checks };
  return { status: checks.log === 'ok' && checks.audit === 'ok' ? 'ok' : 'degraded', checks };
}
