import { readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type ConsoleBrowser } from '../support/console-browser.ts';
import { underLoad, until } from '../support/until.ts';
import { openDeployedConsole } from '../support/deployed-console.ts';

const deployed = openDeployedConsole();

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
    const page = await deployed.callers.signIn('auditor');
    const stream = listen(page, '/requests/stream');
    await until(async () => {
      await deployed.callers.graphql('bff', '{ leads { company } }');
      return stream.events.some(({ data }) => data['actor'] === 'bff' && data['type'] === 'request');
    });
    await page.graphql('{ auditEvents(last: 5) { edges { node { id } } } }');
    await deployed.callers.graphql('bff', 'query Later { leads { company } }');
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
    const page = await deployed.callers.signIn('auditor');
    const stream = listen(page, '/requests/stream?type=key.rotate');
    await deployed.callers.graphql('operator', 'mutation { rotateSigningKeys(mode: NOW, reason: "a test") { id } }');
    await until(() => stream.events.length > 0);
    stream.stop();
    const { data } = await deployed.callers.graphql('auditor', '{ auditEvents(first: 200, filter: { type: "audit.read" }) { edges { node { canonical } } } }');
    const { edges } = data?.['auditEvents'] as { edges: { node: { canonical: string } }[] };
    const followed = edges.filter(({ node }) => node.canonical.includes('"filter":{"type":"key.rotate"}'));
    expect(followed).toHaveLength(1);
  }); // prettier-ignore

  test('a stream ends with its session, and names the permission that is missing', async () => {
    const operator = await deployed.callers.signIn('operator');
    const refused = listen(operator, '/requests/stream');
    await until(() => refused.state.closed);
    expect(refused.events).toEqual([
      { event: 'refused', id: undefined, data: { code: 'UNAUTHORIZED_FIELD_OR_TYPE', missing: ['audit:events:read'] } },
    ]);
    const page = await deployed.callers.signIn('auditor');
    const stream = listen(page, '/requests/stream');
    await until(() => stream.state.status === 200);
    const since = performance.now();
    await page.post('/logout', {});
    await until(() => stream.state.closed);
    expect(stream.events.at(-1)?.event).toBe('end');
    expect(performance.now() - since).toBeLessThan(underLoad(2_000));
  }); // prettier-ignore

  test('a refusal names the roles of the caller and those that would grant the right, with their places', async () => {
    await deployed.callers.graphql('bff', '{ leads { company contact { email } } }');
    const { data } = await deployed.callers.graphql('auditor', '{ auditEvents(last: 1, filter: { field: "Lead.contact" }) { edges { node { canonical } } } }');
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
    const { data, errors } = await deployed.callers.graphql('operator', document);
    expect(errors).toEqual([]);
    expect(data?.['certificates']).toContainEqual(expect.objectContaining({ service: 'console', state: 'VALID', revoked: false }));
    expect(data?.['clientSecrets']).toContainEqual({ service: 'bff', version: 1, state: 'CURRENT' });
    expect(data?.['activeSubjects']).toContainEqual(expect.objectContaining({ subject: 'bff', kind: 'SERVICE' }));
    const auditor = (data?.['roles'] as { name: string; holders: object[] }[]).find(({ name }) => name === 'auditor');
    expect(auditor?.holders).toEqual([
      expect.objectContaining({ service: 'auditor', issuer: null }),
      expect.objectContaining({ service: null, issuer: deployed.provider.issuer, claim: 'groups', value: 'ana' }),
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
    const { errors: refused } = await deployed.callers.graphql('bff', '{ certificates { service } clientSecrets { service } graphCoverage { open } }');
    expect(refused.map(({ extensions }) => extensions?.['code'])).toEqual(new Array(3).fill('UNAUTHORIZED_FIELD_OR_TYPE'));
  }); // prettier-ignore

  test('the state of the gateway is shown to whoever may read metrics', async () => {
    const operator = await deployed.callers.signIn('operator');
    const { status, json } = await operator.get('/gateway/status');
    expect([status, json['health']]).toEqual([200, expect.objectContaining({ status: 'ok' })]);
    expect((json['subgraphs'] as { name: string }[]).map(({ name }) => name).sort()).toEqual(['admin', 'audit', 'leads', 'sts']);
    expect(json['subgraphs']).toContainEqual(expect.objectContaining({ name: 'audit', circuit: 'closed', health: 'ok' }));
    expect((await (await deployed.callers.signIn('bff')).get('/gateway/status')).status).toBe(403);
  }); // prettier-ignore

  test('changed policies can be compared with those before', async () => {
    const before = await deployed.callers.graphql('operator', '{ policyVersions(first: 1) { version } }');
    const [{ version = 0 } = {}] = before.data?.['policyVersions'] as { version?: number }[];
    await rm(join(deployed.folder, 'iam_policies.test.yaml'));
    const identities = await readFile(join(deployed.folder, 'service_identities.yaml'), 'utf8');
    await writeFile(join(deployed.folder, 'service_identities.yaml'), identities.replace('roles: [actuator]', 'roles: [sales]'));
    await until(async () => {
      const { data } = await deployed.callers.graphql('operator', '{ policyVersions(first: 1) { version } }');
      return (data?.['policyVersions'] as { version: number }[])[0]?.version === version + 1;
    });
    const { data } = await deployed.callers.graphql(
      'operator',
      `{ policyDiff(from: ${String(version)}, to: ${String(version + 1)}) { changes { subject action before after location } more } }`,
    );
    expect(data?.['policyDiff']).toEqual({
      changes: [{ subject: 'actuator', action: 'leads:write', before: 'ALLOW', after: 'DENY', location: expect.any(String) }],
      more: 0,
    });
  }); // prettier-ignore
});
