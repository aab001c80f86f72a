import { afterAll, beforeAll, expect } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestDeployment, type TestDeployment } from './running-deployment.ts';
import { withFaultyEvents } from './faulty-events.ts';

const SECRETS = {
  BFF_CLIENT_SECRET: 'a-secret-of-the-bff-that-is-long-enough',
  ACTUATOR_CLIENT_SECRET: 'a-secret-of-the-actuator-long-enough',
} as const;
export const BFF = `Basic ${Buffer.from(`bff:${SECRETS.BFF_CLIENT_SECRET}`).toString('base64')}`;
export const ACTUATOR = `Basic ${Buffer.from(`actuator:${SECRETS.ACTUATOR_CLIENT_SECRET}`).toString('base64')}`;
/** A subscription of which the `bff` may see everything but `contact`. */
export const CHANGES = 'subscription { leadChanged { id company campaign { name } contact { email } } }';

/** An answer or a message as GraphQL over HTTP has it. */
export interface Result {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?:
    readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}

/** A deployment with `leads` and a subgraph whose streams fail in several ways. */
export interface StreamingDeployment {
  readonly deployment: TestDeployment;
  /** Of the gateway's `/graphql`, over HTTP. */
  readonly url: string;
  post(authorization: string, query: string, accept?: string): Promise<Response>;
  /** Changes a lead, so that `leadChanged` has something to say. */
  advance(lead: string): Promise<void>;
}

/** To be called once, outside the tests. */
export function openStreamingDeployment(): StreamingDeployment {
  const opened = {} as { deployment: TestDeployment; url: string };
  let folder: string;
  let subgraph: Server;
  let step = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-'));
    const faulty = await withFaultyEvents(folder);
    opened.deployment = await startTestDeployment({
      folder,
      environment: { ...SECRETS, ...faulty.environment },
    });
    subgraph = await faulty.serve();
    opened.url = `http://localhost:${String(opened.deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
  });
  afterAll(async () => {
    subgraph.closeAllConnections();
    subgraph.close();
    expect(await opened.deployment.stop()).toBe(0);
    await rm(folder, { recursive: true, force: true });
  });
  const post = (authorization: string, query: string, accept = 'application/json') =>
    fetch(opened.url, {
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
  return Object.assign(opened, {
    post,
    async advance(lead: string): Promise<void> {
      step += 1;
      const to = step % 2 === 0 ? 'NEW' : 'CONTACTED';
      const response = await post(
        ACTUATOR,
        `mutation { advanceLead(id: "${lead}", to: ${to}, idempotencyKey: "step-${String(step)}-key") { id } }`,
      );
      expect(await response.json()).toEqual({ data: { advanceLead: { id: lead } } });
    },
  });
}
