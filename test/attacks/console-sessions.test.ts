import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ConsoleBrowser,
  type ConsoleCallers,
  openConsoleBrowser,
  openConsoleCallers,
} from '../support/console-browser.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { underLoad, until } from '../support/until.ts';

const WHOAMI = '{ whoami { subject actors } }';
/** With the bus, which is in process here. */
const BOUND_MS = 2_000;

describe('sessions of the console', () => {
  let deployment: TestDeployment;
  let callers: ConsoleCallers;
  beforeAll(async () => {
    deployment = await startTestDeployment({ args: ['--without', 'leads'] });
    callers = openConsoleCallers(deployment);
  });
  afterAll(async () => {
    await callers.close();
    await deployment.stop();
  });

  const browser = (): ConsoleBrowser => openConsoleBrowser(deployment.ports.CONSOLE_PORT);

  /** The details of all recorded events of a type. */
  async function recorded(type: string): Promise<readonly (Record<string, unknown> & { actor: string })[]> {
    const document = `{ auditEvents(first: 200, filter: { type: "${type}" }) { edges { node { actor canonical } } } }`;
    const { data } = await callers.graphql('auditor', document);
    const { edges } = data?.['auditEvents'] as { edges: { node: { actor: string; canonical: string } }[] };
    return edges.map(({ node: { actor, canonical } }) => ({
      ...(JSON.parse(canonical) as { detail: Record<string, unknown> }).detail,
      actor,
    }));
  }

  /** Waits until the session is refused, data and fresh pages alike, and checks how long that took. */
  async function expectEnded(ended: ConsoleBrowser, since: number): Promise<void> {
    const { cookie } = ended;
    await until(async () => {
      ended.cookie = cookie; // as a thief keeps it
      return (await ended.graphql(WHOAMI)).status === 401;
    });
    expect(performance.now() - since).toBeLessThan(underLoad(BOUND_MS));
    ended.cookie = cookie;
    const page = await ended.get('/requests');
    expect([page.status, page.headers.location]).toEqual([302, '/login?next=%2Frequests']);
  }

  test('a caller of a session is asked for as that caller, with the console as an actor', async () => {
    const auditor = await callers.signIn('auditor');
    expect((await auditor.graphql(WHOAMI)).json).toEqual({
      data: { whoami: { subject: 'auditor', actors: ['gateway', 'console'] } },
    });
    const { json } = await auditor.get('/session');
    expect(json).toMatchObject({ subject: 'auditor', clientId: 'console', roles: ['auditor'], csrf: null });
    expect(json['permissions']).toContain('audit:events:read');
    const refused = await auditor.graphql('{ services { id } }');
    expect(refused.json).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }] });
    const known = await recorded('session.open');
    expect(known).toContainEqual(expect.objectContaining({ actor: 'auditor', method: 'link' }));
  });

  test('the second use of a link is refused and recorded, as is a code that was never given', async () => {
    const code = await callers.linkCode('bff');
    const owner = browser();
    expect((await owner.post('/login/link', { code })).status).toBe(204);
    for (const tried of [code, 'A'.repeat(43)]) {
      const thief = browser();
      const answer = await thief.post('/login/link', { code: tried });
      expect([answer.status, answer.json['code'], thief.cookie]).toEqual([401, 'LINK_INVALID', undefined]);
    }
    const refusals = (await recorded('session.refuse')).filter(({ reason }) =>
      String(reason).includes('link'),
    );
    expect(refusals).toHaveLength(2);
  });

  test('whoever holds no certificate of a service makes no link', async () => {
    const port = deployment.ports.CONSOLE_PORT;
    const answer = await openConsoleBrowser(port).post('/login/links', {}, { origin: undefined });
    expect(answer.status).toBe(404);
  });

  test('a cookie that was stolen is worth nothing after the logout, and its use is recorded with its owner', async () => {
    const owner = await callers.signIn('auditor');
    const thief = browser();
    thief.cookie = owner.cookie;
    expect((await thief.graphql(WHOAMI)).status).toBe(200);
    const since = performance.now();
    expect((await owner.post('/logout', { everywhere: false })).status).toBe(204);
    await expectEnded(thief, since);
    expect(await recorded('session.refuse')).toContainEqual(
      expect.objectContaining({ actor: 'auditor', reason: 'a session that has ended' }),
    );
  });

  test('logout everywhere ends all sessions of that subject, and no other', async () => {
    const [one, two, other] = [
      await callers.signIn('bff'),
      await callers.signIn('bff'),
      await callers.signIn('operator'),
    ];
    const since = performance.now();
    await one.post('/logout', { everywhere: true });
    await expectEnded(two, since);
    expect((await other.graphql(WHOAMI)).status).toBe(200);
  });

  test('a request of another origin, another port or without one is refused and recorded', async () => {
    const victim = await callers.signIn('operator');
    const foreign = [
      { origin: 'https://evil.example' },
      { origin: 'http://localhost:1' },
      { origin: 'null' },
      { origin: undefined },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign)
      for (const path of ['/graphql', '/logout'])
        expect((await victim.post(path, { query: WHOAMI }, headers)).status).toBe(403);
    for (const headers of [{ 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'cross-site' }])
      for (const path of ['/session', '/gateway/metrics'])
        expect((await victim.get(path, headers)).status).toBe(403);
    expect((await victim.get('/session', { host: 'evil.example' })).status).toBe(421);
    expect((await victim.graphql(WHOAMI)).status).toBe(200);
    const reasons = (await recorded('session.refuse')).map(({ reason }) => reason);
    expect(reasons).toContain('a request of another origin, or without one');
    expect(reasons).toContain('a host name that is not served');
  });

  test('no page is shown inside a frame of another site', async () => {
    const victim = await callers.signIn('operator');
    const framed = await victim.get('/keys', { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' });
    expect(framed.status).toBe(403);
    const page = await victim.get('/keys', { 'sec-fetch-dest': 'document' });
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.headers['content-security-policy']).toContain("require-trusted-types-for 'script'");
    expect(page.headers['cache-control']).toBe('no-store');
  });

  test('the cookie is out of reach for scripts and other sites, and holds no token', async () => {
    const answer = await browser().post('/login/link', { code: await callers.linkCode('bff') });
    const [cookie = ''] = answer.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^aduana-console-session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  test('a suspended service is signed out within the bound', async () => {
    const victim = await callers.signIn('bff');
    const change = (verb: string): string =>
      `mutation { ${verb}Service(serviceId: "bff", reason: "an attack") { id } }`;
    expect((await callers.graphql('operator', change('suspend'))).errors).toEqual([]);
    await expectEnded(victim, performance.now());
    await callers.graphql('operator', change('restore'));
    expect(await recorded('session.close')).toContainEqual(
      expect.objectContaining({ actor: 'bff', reason: 'revoked' }),
    );
  });

  test('a revoked subject is signed out within the bound', async () => {
    const victim = await callers.signIn('bff');
    const { json } = await victim.get('/session');
    const document = `mutation { revokeSubject(issuer: "${String(json['issuer'])}", subject: "bff", reason: "an attack") { subject } }`;
    expect((await callers.graphql('operator', document)).errors).toEqual([]);
    await expectEnded(victim, performance.now());
  });

  test('the command line prints the link, and no token', async () => {
    const { code, stdout } = await deployment.aduana('console', 'login', '--as', 'operator');
    expect([code, stdout.trim()]).toEqual([
      0,
      expect.stringMatching(/^http:\/\/localhost:\d+\/login#code=[A-Za-z0-9_-]{43}$/),
    ]);
  });
});
