import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import {
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
} from '@aduana/core/tokens/token-exchange';
import { Secret } from '@aduana/core/secrets/secret';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { diffDecisions } from '@aduana/server-kit/iam/diff';
import { evaluatePolicy } from '@aduana/server-kit/iam/evaluate-policy';
import { lint } from '@aduana/server-kit/iam/lint';
import { runPolicyTests } from '@aduana/server-kit/iam/policy-tests';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { rightsOf } from '../../gateway/authorize/rights.ts';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { explainFields } from '../../subgraphs/admin/explain-access.ts';
import { engineOf } from '../support/policy-folder.ts';
import { describeOneStore } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';

const ONE = 'https://one.example.com';
const TWO = 'https://two.example.com';
const issuerEntry = (issuer: string): string =>
  `  - { issuer: '${issuer}', jwks_uri: '${issuer}/jwks', algorithms: [ES256], audience: aduana, claims: { groups: { sales: bff } } }\n`;
const FILES = {
  'service_identities.yaml': 'version: 1\nservices:\n  alice: { roles: [bff] }\n  robot: { roles: [bff] }\n',
  'trusted_issuers.yaml': `version: 1\nissuers:\n${issuerEntry(ONE)}${issuerEntry(TWO)}`,
};
const IAM = `
roles:
  bff: { permissions: [leads:read] }
policies:
  service: { subjects: [alice] }
  user: { subjects: [{ issuer: '${ONE}', sub: alice }] }
  either: { subjects: [robot, { issuer: '${TWO}', sub: bob }] }
`;

const holds = (engine: Engine, name: string, subject: string, issuer?: string): boolean =>
  evaluatePolicy(engine, name, { subject, issuer, roles: ['bff'] }).effect === 'allow';

/** Whom each policy must hold for, and nobody else. */
const EXPECTED: readonly [policy: string, subject: string, issuer: string | undefined, holds: boolean][] = [
  ['service', 'alice', undefined, true],
  ['service', 'alice', ONE, false],
  ['service', 'alice', TWO, false],
  ['service', 'alice', '', false],
  ['user', 'alice', ONE, true],
  ['user', 'alice', undefined, false],
  ['user', 'alice', TWO, false],
  ['user', 'alice', `${ONE}/`, false],
  ['user', `${ONE} alice`, undefined, false],
  ['either', 'robot', undefined, true],
  ['either', 'robot', TWO, false],
  ['either', 'bob', TWO, true],
  ['either', 'bob', undefined, false],
];

describe('M3 a policy that names a subject means the pair of issuer and name', () => {
  test.each(EXPECTED)('%s for %s of %s: %s', async (policy, subject, issuer, expected) => {
    const engine = await engineOf(IAM, FILES);
    expect(holds(engine, policy, subject, issuer)).toBe(expected);
  });

  test.each(EXPECTED.filter(([, , issuer]) => issuer !== ''))(
    'at the gateway: %s for %s of %s: %s',
    async (policy, sub, issuer, expected) => {
      const claims = {
        sub,
        sub_kind: issuer === undefined ? 'service' : 'user',
        sub_iss: issuer ?? 'https://sts',
        roles: ['bff'],
        scope: '',
        amr: [],
      } as unknown as AccessTokenClaims;
      const caller = {
        claims,
        subjectToken: Secret.of('t'),
        method: 'trusted_issuer',
        provesPossession: false,
        certificateThumbprint: undefined,
        spiffeId: undefined,
        address: '127.0.0.1',
      } as const;
      const rights = rightsOf(caller, await engineOf(IAM, FILES), {});
      expect(rights.holdsPolicy(policy)).toBe(expected);
    },
  );

  test('in explainAccess', async () => {
    const engine = await engineOf(IAM, FILES);
    const composition = composeSupergraph([
      {
        name: 'a',
        url: 'https://localhost/graphql',
        origin: 'a',
        sdl: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@policy"])
              type Query { user: String @policy(policies: [["user"]]) service: String @policy(policies: [["service"]]) }`,
      },
    ]);
    const sdl = composition.ok ? composition.sdl : '';
    const allowed = (issuer: string | undefined) =>
      explainFields(engine, { subject: 'alice', issuer, context: {} }, '{ user service }', sdl).map(
        (decision) => [decision.coordinate, decision.allowed],
      );
    expect(allowed(ONE)).toEqual([['Query.user', true], ['Query.service', false]]); // prettier-ignore
    expect(allowed(TWO)).toEqual([['Query.user', false], ['Query.service', false]]); // prettier-ignore
    expect(allowed(undefined)).toEqual([['Query.user', false], ['Query.service', true]]); // prettier-ignore
  });

  test('in policy tests and in diffs', async () => {
    const engine = await engineOf(IAM, FILES);
    const given = (issuer: string | undefined) => ({ subject: 'alice', issuer, policy: 'user' });
    const entry = (issuer: string | undefined, expect: 'allow' | 'deny') =>
      ({ entry: { given: given(issuer), expect, because: 'b' }, location: 'f:1' }) as const;
    const results = runPolicyTests(engine, [entry(ONE, 'allow'), entry(TWO, 'deny'), entry(undefined, 'deny')]);
    expect(results.map(({ passed }) => passed)).toEqual([true, true, true]);
    const other = await engineOf(IAM.replace(`{ issuer: '${ONE}', sub: alice }`, `{ issuer: '${TWO}', sub: alice }`), FILES);
    const questions = [ONE, TWO, undefined].map((issuer) => ({ ...given(issuer), roles: [] }));
    expect(diffDecisions(engine, other, questions).map(({ question }) => question.issuer)).toEqual([ONE, TWO]);
  }); // prettier-ignore

  test('a user has no roles of the service of the same name', async () => {
    const engine = await engineOf(IAM, FILES);
    const given = { subject: 'alice', issuer: ONE, action: 'leads:read' };
    const [result] = runPolicyTests(engine, [
      { entry: { given, expect: 'deny', because: 'b' }, location: 'f:1' },
    ]);
    expect(result?.passed).toBe(true);
  });

  test('an older file whose bare name is no service does not load, and hears what to write', async () => {
    const problem = await engineOf(IAM.replace('[alice]', '[ana]'), FILES).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(problem).toBeInstanceOf(ConfigurationError);
    const [first] = (problem as ConfigurationError).problems;
    expect(first?.subject).toMatch(/iam_policies\.yaml:\d+$/);
    expect(first?.problem).toContain('`ana`');
    expect(first?.remedy).toContain('{ issuer: https://idp.example.com, sub: ana }');
  });

  test.each(['{ sub: alice }', '{ issuer: x }', '{ issuer: x, sub: a, roles: [b] }', '[]', '1'])(
    'what names no pair does not load: %s',
    async (subject) => {
      await expect(engineOf(IAM.replace('[alice]', `[${subject}]`), FILES)).rejects.toBeInstanceOf(
        ConfigurationError,
      );
    },
  );

  test('a user of an issuer that nobody trusts is a finding', async () => {
    const { sources } = await engineOf(IAM.replace(ONE, 'https://typo.example.com'), FILES);
    expect(lint(sources, createSystemClock().now()).map(({ code }) => code)).toContain('unknown_issuer');
  });
});

describeOneStore('M3 at the STS', (openStore) => {
  let sts: TestSts;
  let server: Server;
  let origin: string;
  let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    key = pair.privateKey;
    const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' }];
    server = createServer((_, response) => response.end(JSON.stringify({ keys })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const entry = (name: string, more: string): string =>
      `  - { issuer: '${origin}/${name}', jwks_uri: '${origin}/jwks', algorithms: [ES256], audience: aduana, ${more} claims: { groups: { sales: bff } } }\n`;
    sts = await openTestSts({
      openStore,
      clients: [],
      policies: {
        'iam_policies.yaml': readFileSync('policies/iam_policies.yaml', 'utf8'),
        'service_identities.yaml': readFileSync('policies/service_identities.yaml', 'utf8'),
        'trusted_issuers.yaml': `version: 1\nissuers:\n${entry('one', '')}${entry('mapped', 'subject_claim: nick,')}`,
      },
    });
  });
  afterAll(async () => {
    server.close();
    await sts.close();
  });

  const sign = (issuer: string, claims: object): Promise<string> =>
    new SignJWT({ groups: ['sales'], ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(`${origin}/${issuer}`)
      .setAudience('aduana')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(key);
  const exchange = async (form: Readonly<Record<string, string>>) =>
    sts.token(
      { grant_type: GRANT_TOKEN_EXCHANGE, subject_token_type: TOKEN_TYPE_JWT, audience: 'gateway', ...form },
      { peer: await sts.peer('gateway') },
    );

  test('namesakes of two issuers stay two subjects, whichever claim names them', async () => {
    const first = await exchange({ subject_token: await sign('one', { sub: 'alice' }) });
    const second = await exchange({ subject_token: await sign('mapped', { sub: 'x', nick: 'alice' }) });
    expect(first.claims).toMatchObject({ sub: 'alice', sub_iss: `${origin}/one`, sub_kind: 'user' });
    expect(second.claims).toMatchObject({ sub: 'alice', sub_iss: `${origin}/mapped`, sub_kind: 'user' });
  });

  test('no user becomes an actor, which is named without its issuer', async () => {
    const subject = await sign('one', { sub: 'bob' });
    const actor_token = await sign('one', { sub: 'alice' });
    const foreign = await exchange({ subject_token: subject, actor_token, actor_token_type: TOKEN_TYPE_JWT });
    expect([foreign.status, foreign.body['error']]).toEqual([400, 'invalid_request']);
    const { body } = await exchange({ subject_token: actor_token });
    const exchanged = await exchange({
      subject_token: subject,
      actor_token: String(body['access_token']),
      actor_token_type: TOKEN_TYPE_ACCESS_TOKEN,
    });
    expect([exchanged.status, exchanged.body['error']]).toEqual([400, 'invalid_request']);
  });
});
