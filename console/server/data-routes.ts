import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceResponse } from '@aduana/core/http/route';
import type { SecureResponse } from '@aduana/core/mtls-client/secure-peer';
import { z } from 'zod';
import { type CallerGateway, isSignedOut } from './caller-gateway.ts';
import type { ConsoleRoute } from './console-route.ts';
import { readJson } from './read-json.ts';
import type { RequireSession } from './require-session.ts';
import type { Session } from './session.ts';
import { createPlaces, type Places } from './session-places.ts';
import type { SessionStore } from './session-store.ts';

export interface DataRoutesOptions {
  readonly route: ConsoleRoute;
  readonly sessions: SessionStore;
  readonly requireSession: RequireSession;
  readonly gateway: CallerGateway;
}

const BODY_BYTES = 262_144;
/** Answers that are asked for, or not read yet. */
const MOST_OF_ONE_SUBJECT = 32;
const MOST_OF_ALL = 500;
const OPERATION = z.object({
  query: z.string().max(131_072),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().max(256).nullish(),
});
/** Routes of the gateway that a page reads, each behind a permission there. */
const GATEWAY_ROUTES = ['status', 'metrics'] as const;
const PASSED_ON = ['content-type', 'audit-id', 'retry-after'] as const;

/** What pages read and do: at the gateway, as the caller of the session, and nowhere else. */
export function createDataRoutes(options: DataRoutesOptions): readonly Route[] {
  const { route, gateway } = options;
  const places = createPlaces(MOST_OF_ONE_SUBJECT, MOST_OF_ALL);
  return [
    route({ method: 'POST', path: '/graphql' }, 'data', async (request) => {
      const session = await options.requireSession(request);
      const { query, variables, operationName } = await readJson(request, OPERATION, BODY_BYTES);
      return inPlace(places, session, () =>
        answerAs(session, options, () =>
          gateway.graphql(session, {
            query,
            ...(variables == null ? {} : { variables }),
            ...(operationName == null ? {} : { operationName }),
            trace: request.trace,
            signal: request.signal,
          }),
        ),
      );
    }),
    ...GATEWAY_ROUTES.map((name) =>
      route({ method: 'GET', path: `/gateway/${name}` }, 'data', async (request) => {
        const session = await options.requireSession(request, false);
        return inPlace(places, session, () =>
          answerAs(session, options, () => gateway.get(session, `/${name}`, request)),
        );
      }),
    ),
  ];
}

/** Until its browser has read it, an answer is in memory. */
async function inPlace(
  places: Places,
  { issuer, subject }: Session,
  answer: () => Promise<ServiceResponse>,
): Promise<ServiceResponse> {
  const leave = places.enter(JSON.stringify([issuer, subject]));
  try {
    return { ...(await answer()), onSent: leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/** The gateway's answer; a session whose credentials it refuses is over. */
async function answerAs(
  session: Session,
  { sessions }: DataRoutesOptions,
  ask: () => Promise<SecureResponse>,
): Promise<ServiceResponse> {
  try {
    const { status, headers, body } = await ask();
    if (status === 401) throw new SecurityError('UNAUTHENTICATED', { detail: 'refused by the gateway' });
    const passed = PASSED_ON.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value] as const] : [];
    });
    return { status, headers: { ...Object.fromEntries(passed), 'cache-control': 'no-store' }, body };
  } catch (error) {
    if (isSignedOut(error)) {
      sessions.end(session, 'refused');
      throw new SecurityError('UNAUTHENTICATED', { cause: error });
    }
    throw error;
  }
}
