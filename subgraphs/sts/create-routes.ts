import type { Route } from '@aduana/core/http/route';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { OpenSts } from './open-sts.ts';
import { appendStatus } from './status/status-rows.ts';
import { createClientSecretRoute } from './routes/client-secret-route.ts';
import { createIntrospectRoute } from './routes/introspect-route.ts';
import { createJwksRoute } from './routes/jwks-route.ts';
import { createMetadataRoute } from './routes/metadata-route.ts';
import { createRevokeRoute } from './routes/revoke-route.ts';
import { createRotateClientSecretRoute } from './routes/rotate-client-secret-route.ts';
import { createRotateKeysRoute } from './routes/rotate-keys-route.ts';
import { createSecurityEventsRoute } from './routes/security-events-route.ts';
import { createStatusRoutes } from './routes/status-routes.ts';
import { createTokenRoute } from './routes/token-route.ts';

/** The REST face of the STS. */
export function createRoutes(sts: OpenSts): readonly Route[] {
  const { clients, verify, verifyAny, store, seals, feed, status, settings, issuer } = sts;
  const { clock, bus, log, metrics } = sts.platform;
  const callers = { clients, verify, clock };
  const admin = new Set([`spiffe://${settings.TRUST_DOMAIN}/admin`]);
  return [
    createTokenRoute({ ...sts, log, metrics }),
    createJwksRoute(sts.ring),
    createMetadataRoute(issuer),
    createIntrospectRoute(verifyAny, callers),
    createRevokeRoute((order) => sts.revoke(order), verifyAny, callers),
    createRotateKeysRoute((order) => sts.rotate(order), callers),
    createClientSecretRoute({ policies: clients.policies, status, collect: sts.collectSecret }),
    createRotateClientSecretRoute((order) => sts.rotateSecret(order), admin, callers, verifyAny),
    createSecurityEventsRoute({
      take: sts.takeSecurityEvent,
      audit: sts.audit,
      flood: sts.flood,
      log,
      metrics,
    }),
    ...createStatusRoutes({
      read: (after) => feed.readPage(after),
      async append(entries) {
        await store.writer.transaction(async (transaction) => {
          for (const { id, entry } of entries) await appendStatus(transaction, id, entry, clock.now(), seals);
        });
        bus.publish(STATUS_TOPIC);
        await status.read();
      },
      writers: admin,
      callers,
    }),
  ];
}
