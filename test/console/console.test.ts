import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ConsoleBrowser,
  type ConsoleCallers,
  openConsoleBrowser,
  openConsoleCallers,
} from '../support/console-browser.ts';
import { openTestProvider, type TestProvider } from '../support/oidc-provider.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { underLoad, until } from '../support/until.ts';

describe('the console over a running deployment', () => {
  let folder: string;
  let provider: TestProvider;
  let deployment: TestDeployment;
  let callers: ConsoleCallers;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-policies-'));
    provider = await openTestProvider(
      () => `http://localhost:${String(deployment.ports.CONSOLE_PORT)}/login/callback`,
    );
    await cp('policies', folder, { recursive: true });
    await writeFile(
      join(folder, 'trusted_issuers.yaml'),
      `version: 1\nissuers:\n  - { issuer: '${provider.issuer}', jwks_uri: '${provider.issuer}/jwks', algorithms: [RS256], audience: ${provider.clientId}, claims: { groups: { ana: auditor } } }\n`,
    );
    deployment = await startTestDeployment({
      environment: {
        POLICIES_DIR: folder,
        CONSOLE_OIDC_ISSUER: provider.issuer,
        CONSOLE_OIDC_CLIENT_ID: provider.clientId,
      },
    });
    callers = openConsoleCallers(deployment);
  });
  afterAll(async () => {
    await callers.close();
    await deployment.stop();
    provider.close();
    await rm(folder, { recursive: true });
  });

  const browser = (): ConsoleBrowser => openConsoleBrowser(deployment.ports.CONSOLE_PORT);
  const pathOf = (url: string): string => url.slice(new URL(url).origin.length);

  describe('login by OpenID Connect', () => {
    async function beginLogin(): Promise<{ readonly page: ConsoleBrowser; readonly callback: string }> {
      const page = browser();
      const begun = await page.get('/login/oidc', { 'sec-fetch-site': 'same-origin' });
      expect(begun.headers['set-cookie']?.[0]).toMatch(
        /^aduana-console-login=.*; HttpOnly; SameSite=Lax; Max-Age=600$/,
      );
      expect(begun.headers.location).toContain('code_challenge_method=S256');
      const callback = pathOf(await provider.signIn(begun.headers.location ?? '', 'ana'));
      return { page, callback };
    }

    test('a user of a trusted issuer has the roles of its claims, and is named with the console as an actor', async () => {
      const { page, callback } = await beginLogin();
      const finished = await page.get(callback, { 'sec-fetch-site': 'cross-site' });
      expect([finished.status, finished.headers.location]).toEqual([302, '/']);
      const { json } = await page.get('/session');
      expect(json).toMatchObject({ subject: 'ana', issuer: provider.issuer, roles: ['auditor'] });
      const who = await page.graphql('{ whoami { subject kind actors } auditIntegrity { status } }');
      expect(who.json).toMatchObject({
        data: {
          whoami: { subject: 'ana', kind: 'USER', actors: ['gateway', 'console'] },
          auditIntegrity: {},
        },
      });
    });

    test('an answer of the provider counts once, and only in the browser that began the login', async () => {
      const { page, callback } = await beginLogin();
      const { cookie } = page;
      const thief = await browser().get(callback, { 'sec-fetch-site': 'cross-site' });
      expect(thief.headers.location).toBe('/login?error=UNAUTHENTICATED');
      expect((await page.get(callback)).headers.location).toBe('/');
      page.cookie = cookie;
      expect((await page.get(callback)).headers.location).toBe('/login?error=UNAUTHENTICATED');
    });

    test('a revoked user is signed out', async () => {
      const { page, callback } = await beginLogin();
      await page.get(callback);
      const document = `mutation { revokeSubject(issuer: "${provider.issuer}", subject: "ana", reason: "left") { subject } }`;
      expect((await callers.graphql('operator', document)).errors).toEqual([]);
      await until(async () => (await page.get('/session')).status === 401);
    });
  });

  describe('what the pages read', () => {
    interface StreamedEvent {
      readonly event: string;
      readonly id: string | undefined;
      readonly data: Readonly<Record<string, unknown>>;
    }

    /** Reads Server-Sent Events until `stop`. */
    function listen(page: ConsoleBrowser, path: string, lastId?: string) {
      const events: StreamedEvent[] = [];
      const state = { closed: false, status: 0 };
      const request = get(
        `${page.origin}${path}`,
        {
          agent: false,
          headers: {
            cookie: page.cookie ?? '',
            'sec-fetch-site': 'same-origin',
            ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
          },
        },
        (response) => {
          state.status = response.statusCode ?? 0;
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
            const blocks = text.split('\n\n');
            text = blocks.pop() ?? '';
            for (const block of blocks) {
              const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
              const event = fields.get('event');
              if (event !== undefined) events.push({ event, id: fields.get('id'), data: JSON.parse(fields.get('data') ?? '{}') as StreamedEvent['data'] });
            }
          });
          response.on('close', () => (state.closed = true));
        },
      ); // prettier-ignore
      request.on('error', () => (state.closed = true));
      return { events, state, stop: () => request.destroy() };
    }

    test('the live page shows what others do, resumes where it stopped, and never its own reads', async () => {
      const page = await callers.signIn('auditor');
      const stream = listen(page, '/requests/stream');
      await until(async () => {
        await callers.graphql('bff', '{ leads { company } }');
        return stream.events.some(({ data }) => data['actor'] === 'bff' && data['type'] === 'request');
      });
      await page.graphql('{ auditEvents(last: 5) { edges { node { id } } } }');
      await callers.graphql('bff', 'query Later { leads { company } }');
      await until(() => stream.events.some(({ data }) => data['operation'] === 'Later'));
      stream.stop();
      const acts = stream.events.map(({ data }) => JSON.parse(String(data['canonical'])) as { actor: { act: string[] } });
      expect(acts.filter(({ actor }) => actor.act.includes('console'))).toEqual([]);
      const [first] = stream.events;
      const again = listen(page, '/requests/stream?actor=bff&type=request', first?.id);
      await until(() => again.events.some(({ data }) => data['operation'] === 'Later'));
      again.stop();
      expect(again.events.every(({ data }) => data['actor'] === 'bff' && data['type'] === 'request')).toBe(true);
    }); // prettier-ignore

    test('one view of the log is one `audit.read`, however long it lasts', async () => {
      const page = await callers.signIn('auditor');
      const stream = listen(page, '/requests/stream?type=key.rotate');
      await callers.graphql('operator', 'mutation { rotateSigningKeys(mode: NOW, reason: "a test") { id } }');
      await until(() => stream.events.length > 0);
      stream.stop();
      const { data } = await callers.graphql('auditor', '{ auditEvents(first: 200, filter: { type: "audit.read" }) { edges { node { canonical } } } }');
      const { edges } = data?.['auditEvents'] as { edges: { node: { canonical: string } }[] };
      const followed = edges.filter(({ node }) => node.canonical.includes('"filter":{"type":"key.rotate"}'));
      expect(followed).toHaveLength(1);
    }); // prettier-ignore

    test('a stream ends with its session, and names the permission that is missing', async () => {
      const operator = await callers.signIn('operator');
      const refused = listen(operator, '/requests/stream');
      await until(() => refused.state.closed);
      expect(refused.events).toEqual([
        { event: 'refused', id: undefined, data: { code: 'UNAUTHORIZED_FIELD_OR_TYPE', missing: ['audit:events:read'] } },
      ]);
      const page = await callers.signIn('auditor');
      const stream = listen(page, '/requests/stream');
      await until(() => stream.state.status === 200);
      const since = performance.now();
      await page.post('/logout', {});
      await until(() => stream.state.closed);
      expect(stream.events.at(-1)?.event).toBe('end');
      expect(performance.now() - since).toBeLessThan(underLoad(2_000));
    }); // prettier-ignore

    test('a refusal names the roles of the caller and those that would grant the right, with their places', async () => {
      await callers.graphql('bff', '{ leads { company contact { email } } }');
      const { data } = await callers.graphql('auditor', '{ auditEvents(last: 1, filter: { field: "Lead.contact" }) { edges { node { canonical } } } }');
      const { edges } = data?.['auditEvents'] as { edges: { node: { canonical: string } }[] };
      const event = JSON.parse(edges[0]?.node.canonical ?? '{}') as { detail: { refused: { coordinate: string; because: object[] }[] } };
      expect(event.detail.refused.find(({ coordinate }) => coordinate === 'Lead.contact')?.because).toEqual([
        {
          missing: 'scope leads:pii:read',
          reason: 'not_granted',
          roles: [{ role: 'bff', location: expect.stringMatching(/^iam_policies\.yaml:\d+$/) }],
          granted_by: [
            { role: 'sales', location: expect.stringMatching(/^iam_policies\.yaml:\d+$/) },
            { role: 'actuator', location: expect.stringMatching(/^iam_policies\.yaml:\d+$/) },
          ],
        },
      ]);
    }); // prettier-ignore

    test('the graph has what the pages need, for whoever may see it', async () => {
      const document = `{
        certificates { service state notAfter renewAt revoked }
        clientSecrets { service version state }
        activeSubjects { issuer subject kind clients tokens }
        roles { name location rules { effect permission location } holders { service issuer claim value location } }
        policyVersions { version available }
        policyTests { name passed }
        policyDiff(from: 1, to: 1) { changes { subject } more }
        graphCoverage { open subgraphs { name fields } types(first: 500) { name fields { coordinate coverage requirement reachableBy subgraphs } } }
      }`;
      const { data, errors } = await callers.graphql('operator', document);
      expect(errors).toEqual([]);
      expect(data?.['certificates']).toContainEqual(expect.objectContaining({ service: 'console', state: 'VALID', revoked: false }));
      expect(data?.['clientSecrets']).toContainEqual({ service: 'bff', version: 1, state: 'CURRENT' });
      expect(data?.['activeSubjects']).toContainEqual(expect.objectContaining({ subject: 'bff', kind: 'SERVICE' }));
      const auditor = (data?.['roles'] as { name: string; holders: object[] }[]).find(({ name }) => name === 'auditor');
      expect(auditor?.holders).toEqual([
        expect.objectContaining({ service: 'auditor', issuer: null }),
        expect.objectContaining({ service: null, issuer: provider.issuer, claim: 'groups', value: 'ana' }),
      ]);
      expect((data?.['policyTests'] as { passed: boolean }[]).every(({ passed }) => passed)).toBe(true);
      const { types } = data?.['graphCoverage'] as { types: { name: string; fields: { coordinate: string }[] }[] };
      expect(types.flatMap(({ fields }) => fields).find(({ coordinate }) => coordinate === 'Query.auditEvents')).toEqual({
        coordinate: 'Query.auditEvents',
        coverage: 'GUARDED',
        requirement: expect.stringContaining('audit:events:read'),
        reachableBy: ['auditor'],
        subgraphs: ['audit'],
      });
      const { errors: refused } = await callers.graphql('bff', '{ certificates { service } clientSecrets { service } graphCoverage { open } }');
      expect(refused.map(({ extensions }) => extensions?.['code'])).toEqual(new Array(3).fill('UNAUTHORIZED_FIELD_OR_TYPE'));
    }); // prettier-ignore

    test('the state of the gateway is shown to whoever may read metrics', async () => {
      const operator = await callers.signIn('operator');
      const { status, json } = await operator.get('/gateway/status');
      expect([status, json['health']]).toEqual([200, expect.objectContaining({ status: 'ok' })]);
      expect((json['subgraphs'] as { name: string }[]).map(({ name }) => name).sort()).toEqual(['admin', 'audit', 'leads', 'sts']);
      expect(json['subgraphs']).toContainEqual(expect.objectContaining({ name: 'audit', circuit: 'closed', health: 'ok' }));
      expect((await (await callers.signIn('bff')).get('/gateway/status')).status).toBe(403);
    }); // prettier-ignore

    test('changed policies can be compared with those before', async () => {
      const before = await callers.graphql('operator', '{ policyVersions(first: 1) { version } }');
      const [{ version = 0 } = {}] = before.data?.['policyVersions'] as { version?: number }[];
      await rm(join(folder, 'iam_policies.test.yaml'));
      const identities = await readFile(join(folder, 'service_identities.yaml'), 'utf8');
      await writeFile(join(folder, 'service_identities.yaml'), identities.replace('roles: [actuator]', 'roles: [sales]'));
      await until(async () => {
        const { data } = await callers.graphql('operator', '{ policyVersions(first: 1) { version } }');
        return (data?.['policyVersions'] as { version: number }[])[0]?.version === version + 1;
      });
      const { data } = await callers.graphql(
        'operator',
        `{ policyDiff(from: ${String(version)}, to: ${String(version + 1)}) { changes { subject action before after location } more } }`,
      );
      expect(data?.['policyDiff']).toEqual({
        changes: [{ subject: 'actuator', action: 'leads:write', before: 'ALLOW', after: 'DENY', location: expect.any(String) }],
        more: 0,
      });
    }); // prettier-ignore
  });
});
