import type { GatewayAnswer } from '@aduana/client/gateway/gateway-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { describe, expect, test } from '@jest/globals';
import { runActuator } from '../../../examples/actuator/actuator.ts';
import { createLeadBook } from '../../../examples/leads/lead-book.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from '../../../examples/leads/sample-leads.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

type Fault = 'none' | 'away' | 'answer lost' | 'half an answer';

/** A deployment that keeps leads, and fails as it is told. */
function createDeployment(start = '2026-02-01T00:00:00Z') {
  const clock = createFakeClock(start);
  const book = createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, clock);
  const steps: string[] = [];
  const deployment = { fault: 'none' as Fault, clock, book, steps, ask };

  async function ask(document: string, variables: Readonly<Record<string, unknown>>): Promise<GatewayAnswer> {
    if (deployment.fault === 'away') throw new SecurityError('GATEWAY_UNAVAILABLE');
    const data = document.startsWith('query') ? { leads: book.leads({ status: 'NEW' }).map(shown) } : await step(variables);
    if (deployment.fault === 'answer lost') throw new SecurityError('GATEWAY_UNAVAILABLE');
    const errors = deployment.fault === 'half an answer' ? [{ message: 'x', extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }] : [];
    return { status: 200, auditId: 'e', data, errors };
  }
  async function step({ id, idempotencyKey }: Readonly<Record<string, unknown>>) {
    steps.push(String(id));
    const { status } = await book.advance(String(id), 'CONTACTED', String(idempotencyKey));
    return { advanceLead: { id, status } };
  }
  return deployment;
} // prettier-ignore

const shown = (lead: { id: string; score: number; changedAt: number }) => ({
  ...lead,
  changedAt: new Date(lead.changedAt).toISOString(),
});

function run(deployment: ReturnType<typeof createDeployment>) {
  const stopping = new AbortController();
  const { ask, clock } = deployment;
  const log = createLog('silent', () => undefined);
  const ended = runActuator({ ask, clock, log, pollMilliseconds: 1_000, leastScore: 50 }, stopping.signal);
  return async () => {
    stopping.abort();
    await ended;
  };
}

const WORTH_IT = SAMPLE_LEADS.filter(({ status, score }) => status === 'NEW' && score >= 50).map(
  ({ id }) => id,
);

describe('the actuator', () => {
  test('moves every new lead on that is worth it, once, and leaves the others', async () => {
    const deployment = createDeployment();
    const stop = run(deployment);
    await deployment.clock.advance(5_000);
    await stop();
    expect(deployment.steps.sort()).toEqual([...WORTH_IT].sort());
    expect(deployment.book.lead('lead-8')?.status).toBe('NEW');
  });

  test('loses no work while the gateway is away', async () => {
    const deployment = createDeployment();
    deployment.fault = 'away';
    const stop = run(deployment);
    await deployment.clock.advance(120_000);
    expect(deployment.steps).toEqual([]);
    deployment.fault = 'none';
    await deployment.clock.advance(40_000);
    await stop();
    expect(deployment.steps.sort()).toEqual([...WORTH_IT].sort());
  });

  test('a step whose answer was lost is not taken twice', async () => {
    const deployment = createDeployment();
    const query = deployment.ask;
    deployment.ask = (document, variables) => {
      deployment.fault =
        document.startsWith('mutation') && deployment.steps.length === 0 ? 'answer lost' : 'none';
      return query(document, variables);
    };
    const stop = run(deployment);
    await deployment.clock.advance(10_000);
    await stop();
    expect(new Set(deployment.steps).size).toBe(deployment.steps.length);
    for (const id of WORTH_IT) expect(deployment.book.lead(id)?.status).toBe('CONTACTED');
  });

  test('does not act on half an answer', async () => {
    const deployment = createDeployment();
    deployment.fault = 'half an answer';
    const stop = run(deployment);
    await deployment.clock.advance(10_000);
    await stop();
    expect(deployment.steps).toEqual([]);
  });

  test('stops at once, also while it rests', async () => {
    const deployment = createDeployment();
    const stop = run(deployment);
    await deployment.clock.advance(100);
    await stop();
    expect(deployment.clock.now()).toBe(Date.parse('2026-02-01T00:00:00.100Z'));
  });
});
