import { afterAll, beforeAll } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_JWT } from '@aduana/core/tokens/token-exchange';
import { codeBlocks } from './code-blocks.ts';
import type { OpenStore } from './stores.ts';
import { openTestSts, type TestSts } from './test-sts.ts';
import { openTransmitter, type Transmitter } from './transmitter.ts';

/** What the guide says to configure, at the transmitters of this test. */
const [GUIDE] = codeBlocks('docs/guides/shared-signals.md').filter(
  ({ label }) => label === 'trusted_issuers.yaml',
);
const ISSUERS = GUIDE?.code ?? '';
/** The event types that the guide lists. */
export const EVENTS = ISSUERS.match(/https:\/\/schemas\S+/g) ?? [];
const entryOf = (issuer: string): string =>
  ISSUERS.slice(ISSUERS.indexOf('  - issuer')).replaceAll('https://idp.example.com', issuer);
const SHIPPED = Object.fromEntries(
  ['service_identities.yaml', 'iam_policies.yaml'].map((name) => [
    name,
    readFileSync(`policies/${name}`, 'utf8'),
  ]),
);

/** An STS with one issuer that pushes its security events and one that is polled. */
export interface SignalWorld {
  readonly pushing: Transmitter;
  readonly polled: Transmitter;
  readonly sts: TestSts;
  /** Entries of `trusted_issuers.yaml`, without the issuer that is polled. */
  readonly pushed: string;
  /** Whether the audit log refuses records. */
  auditIsAway: boolean;
  push(
    body: string,
    type?: string,
  ): Promise<{ readonly status: number; readonly answer: object | undefined }>;
  /** The status of an exchange of a user's token. */
  exchange(user: string): Promise<number>;
  /** The audit records of one security event token. */
  eventsOf(jti: unknown): TestSts['records'];
  /** How many entries of the status feed come from security events. */
  revocations(): Promise<number>;
  about(sub: string, issuer?: string): { readonly sub_id: object };
  isRevoked(sub: string, issuer?: string): boolean;
}

/** To be called once, outside the tests. */
export function openSignalWorld(openStore: OpenStore): SignalWorld {
  const world = { auditIsAway: false } as Omit<SignalWorld, 'pushing' | 'polled' | 'sts' | 'pushed'> & {
    pushing: Transmitter;
    polled: Transmitter;
    sts: TestSts;
    pushed: string;
  };
  let gateway: PeerIdentity;
  beforeAll(async () => {
    const pushing = await openTransmitter();
    const polled = await openTransmitter();
    const pushed = entryOf(pushing.issuer).replace(/^ +poll: .*\n/m, '');
    const sts = await openTestSts({
      openStore,
      clients: [],
      policies: {
        ...SHIPPED,
        'trusted_issuers.yaml': `version: 1\nissuers:\n${pushed}${entryOf(polled.issuer)}  - { issuer: 'https://quiet.example', jwks_uri: '${pushing.issuer}/jwks', algorithms: [ES256], audience: aduana }\n`,
        'poll.token': 'poll-token\n',
      },
      onRecord: () =>
        world.auditIsAway ? Promise.reject(new SecurityError('AUDIT_UNAVAILABLE')) : Promise.resolve(),
    });
    gateway = await sts.peer('gateway');
    Object.assign(world, { pushing, polled, sts, pushed });
  });
  afterAll(async () => {
    await world.sts.close();
    await world.pushing.stop();
    await world.polled.stop();
  });
  return Object.assign(world, {
    async push(body: string, type = 'application/secevent+jwt') {
      const response = await world.sts.call({
        path: '/ssf/events',
        headers: { 'content-type': type },
        body,
      });
      const text = response.body === undefined ? undefined : String(response.body);
      return {
        status: response.status,
        answer: text === undefined ? undefined : (JSON.parse(text) as object),
      };
    },
    async exchange(user: string): Promise<number> {
      const form = {
        grant_type: GRANT_TOKEN_EXCHANGE,
        subject_token: user,
        subject_token_type: TOKEN_TYPE_JWT,
        audience: 'gateway',
      };
      return (await world.sts.token(form, { peer: gateway })).status;
    },
    eventsOf: (jti: unknown) =>
      world.sts.records.filter(({ type, detail }) => type.startsWith('signal.') && detail?.['jti'] === jti),
    async revocations(): Promise<number> {
      const { rows } = await world.sts.store.writer.query<{ count: number }>(
        "SELECT count(*)::integer AS count FROM status_entries WHERE id LIKE 'set:%'",
      );
      return rows[0]?.count ?? 0;
    },
    about: (sub: string, issuer = world.pushing.issuer) => ({
      sub_id: { format: 'iss_sub', iss: issuer, sub },
    }),
    isRevoked: (sub: string, issuer = world.pushing.issuer) =>
      world.sts.status.isSubjectRevoked(issuer, sub, Math.floor(Date.now() / 1000) - 1),
  });
}
