import { type Clock, describeError, type GatewayAnswer, type Log, SecurityError } from '@aduana/client';
import { jitter } from '@aduana/core/platform/ids';

export interface ActuatorOptions {
  /** One GraphQL request as the actuator. */
  readonly ask: (
    document: string,
    variables: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ) => Promise<GatewayAnswer>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long it rests when there is nothing to do. */
  readonly pollMilliseconds: number;
  /** Leads below this score are left alone. */
  readonly leastScore: number;
}

interface NewLead {
  readonly id: string;
  readonly score: number;
  readonly changedAt: string;
}

const FIND_WORK = `query FindWork($first: Int!) { leads(status: NEW, first: $first) { id score changedAt } }`;
const CONTACT = `mutation Contact($id: ID!, $idempotencyKey: ID!) {
  advanceLead(id: $id, to: CONTACTED, idempotencyKey: $idempotencyKey) { id status }
}`;

const BATCH = 50;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Finds new leads and moves them on until `signal` ends it. It keeps no list of its own: what is not done is found
 * again, and a step whose answer was lost is repeated under the same idempotency key, which is made of the lead and of
 * the state that it was found in.
 */
export async function runActuator(options: ActuatorOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, pollMilliseconds } = options;
  const ended = () => signal.aborted;
  let failures = 0;
  while (!ended()) {
    try {
      const moved = await actOnce(options, signal);
      failures = 0;
      if (moved > 0) log.info('leads were moved on', { moved });
    } catch (error) {
      if (ended()) return;
      failures += 1;
      log.warn('could not act; trying again', { failures, error: describeError(error) });
    }
    const pause = Math.min(pollMilliseconds * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS) * jitter(0.2);
    await clock.sleep(pause, signal).catch(() => undefined);
  }
}

/** One round; the number of leads that it moved on. */
async function actOnce(options: ActuatorOptions, signal: AbortSignal): Promise<number> {
  const { ask, leastScore, log } = options;
  const { leads = [] } = dataOf(await ask(FIND_WORK, { first: BATCH }, signal)) as {
    leads?: readonly NewLead[];
  };
  let moved = 0;
  for (const { id, changedAt } of leads.filter(({ score }) => score >= leastScore)) {
    dataOf(await ask(CONTACT, { id, idempotencyKey: `contact:${id}:${changedAt}` }, signal));
    log.info('a lead was contacted', { lead: id });
    moved += 1;
  }
  return moved;
}

/** @throws SecurityError unless the answer is whole: half an answer is no ground to act on */
function dataOf({ status, data, errors, auditId }: GatewayAnswer): Readonly<Record<string, unknown>> {
  const [error] = errors;
  if (status === 200 && data !== null && error === undefined) return data;
  const code = typeof error?.extensions?.['code'] === 'string' ? error.extensions['code'] : 'none';
  throw new SecurityError(
    status === 401
      ? 'UNAUTHENTICATED'
      : status === 200 || status === 403
        ? 'FORBIDDEN'
        : 'GATEWAY_UNAVAILABLE',
    {
      detail: `HTTP ${String(status)}, code ${code}, audit-id ${auditId ?? 'none'}`,
    },
  );
}
