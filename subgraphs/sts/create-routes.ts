import type { Route } from '@aduana/core/http/route';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { OpenSts } from '../open-sts.ts';
import { appendStatus, readStatusPage } from '../status/status-store.ts';
import { createIntrospectRoute } from './introspect-route.ts';
import { createJwksRoute } from './jwks-route.ts';
import { createMetadataRoute } from './metadata-route.ts';
import { createRevokeRoute } from './revoke-route.ts';
import { createRotateClientSecretRoute } from './rotate-client-secret-route.ts';
import { createRotateKeysRoute } from './rotate-keys-route.ts';
import { createStatusRoutes } from './status-routes.ts';
import { createTokenRoute } from './token-route.ts';

/** The REST face of the STS. */
export function createRoutes(sts: OpenSts): readonly Route[] {
  const { clients, verify, verifyAny, store, status, settings, issuer } = sts;
  const { clock, bus, log } = sts.platform;
  const callers = { clients, verify, clock };
  const admin = new Set([`spiffe://${settings.TRUST_DOMAIN}/admin`]);
  return [
    createTokenRoute({ ...sts, log }),
    createJwksRoute(sts.ring),
    createMetadataRoute(issuer),
    createIntrospectRoute(verifyAny, callers),
    createRevokeRoute((order) => sts.revoke(order), verifyAny, callers),
    createRotateKeysRoute((order) => sts.rotate(order), callers),
    createRotateClientSecretRoute((order) => sts.rotateSecret(order), admin, callers),
    ...createStatusRoutes({
      read: (after) => readStatusPage(store.writer, after),
      async append(entries) {
        await store.writer.transaction(async (transaction) => {
          for (const { id, entry } of entries) await appendStatus(transaction, id, entry, clock.now());
        });
        bus.publish(STATUS_TOPIC);
        await status.read();
      },
      writers: admin,
      callers,
    }),
  ];
}
