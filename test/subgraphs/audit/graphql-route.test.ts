import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Route } from '@aduana/core/http/route';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createGraphqlRoute } from '../../../subgraphs/audit/graphql-route.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { until } from '../../support/until.ts';
import { findEvents } from '../../../subgraphs/audit/reading/stored-event.ts';
import type { StatusView } from '@aduana/core/status/status-entry';
import { createServiceRequest } from '../../support/service-request.ts';
import { describeStores } from '../../support/stores.ts';

const GATEWAY = { spiffeId: 'spiffe://aduana.local/gateway', thumbprint: 'T', chain: [], notAfter: Infinity };
const SCOPES = ['audit:events:read', 'audit:proofs:read'];
const CLAIMS: AccessTokenClaims = {
  iss: 'https://localhost:8011', aud: 'audit', sub: 'auditor', client_id: 'gateway', jti: 'j', root_jti: 'j',
  iat: 0, exp: 9e9, auth_time: 0, scope: SCOPES.join(' '), roles: [], amr: [], sub_kind: 'service', sub_iss: 'sts',
  cnf: { 'x5t#S256': 'T' },
}; // prettier-ignore

const FOLLOW = 'subscription ($type: String, $from: BigInt) { auditEventAdded(filter: { type: $type }, afterSeq: $from) { seq type operation } }'; // prettier-ignore

interface Followed {
  readonly seq: string;
  readonly type: string;
  readonly operation: string | null;
}

describeStores('the audit subgraph', (openStore) => {
  let audit: TestLog;
  let route: Route;
  let scopes: ReadonlySet<string> = new Set(SCOPES);
  let isRevoked = false;
  let changed: () => void = () => undefined;
  let stop: () => void = () => undefined;
  const status: StatusView = {
    isTokenRevoked: () => isRevoked,
    isSubjectRevoked: () => false,
    isKeyRevoked: () => false,
    isServiceSuspended: () => false,
    isCertificateRevoked: () => false,
    version: 0,
    assertFresh: () => undefined,
    onChange: (listener) => {
      changed = listener;
      return () => undefined;
    },
  };
  beforeAll(async () => {
    audit = await openTestLog(openStore);
    route = await createGraphqlRoute({
      ...audit.log,
      clock: createFakeClock(),
      trustDomain: 'aduana.local',
      verify: () => Promise.resolve({ claims: CLAIMS, kid: 'k', scopes }),
      mode: 'filter',
      status,
      onStop: (task) => (stop = task),
      log: createLog('silent', () => undefined),
    });
  });
  afterAll(() => audit.remove());

  async function ask(query: string, variables: object = {}) {
    const { status, body } = await route.handle(
      createServiceRequest({
        headers: { authorization: 'Bearer good' },
        peer: GATEWAY,
        encrypted: true,
        body: JSON.stringify({ query, variables }),
      }),
    );
    const { data, errors = [] } = JSON.parse(String(body)) as {
      data?: Record<string, unknown> | null;
      errors?: { message: string; extensions: { code: string } }[];
    };
    return { status, data, errors, codes: errors.map(({ extensions }) => extensions.code) };
  }

  /** A subscription, as the gateway opens it. */
  async function follow(variables: object = {}, query = FOLLOW) {
    const { stream, headers } = await route.handle(
      createServiceRequest({
        headers: { authorization: 'Bearer good', accept: 'text/event-stream' },
        peer: GATEWAY,
        encrypted: true,
        body: JSON.stringify({ query, variables }),
      }),
    );
    const sent: string[] = [];
    const state = { isOver: false, waitingBytes: 0 };
    let onClose: () => void = () => undefined;
    const close = () => {
      state.isOver = true;
      onClose();
    };
    stream?.start({
      get waitingBytes() {
        return state.waitingBytes;
      },
      write: (text) => void sent.push(text),
      end: close,
      destroy: close,
      onClose: (listener) => (onClose = listener),
    });
    const parts = () => sent.filter((text) => text.startsWith('event: next')).map((text) => JSON.parse(text.split('data: ')[1] ?? '') as { data?: { auditEventAdded: Followed } | null; errors?: { extensions: { code: string } }[] });
    return {
      ...{ state, close, parts, type: headers?.['content-type'] },
      events: () => parts().flatMap(({ data }) => (data == null ? [] : [data.auditEventAdded])),
    };
  } // prettier-ignore

  const record = (...operations: string[]) =>
    audit.log.ingest.accept('gateway', postedBody(...operations.map((name) => postedEvent({ request: { operation_name: name, document_sha256: null, fields: [], subgraphs: [] } })))); // prettier-ignore

  test('brings each event as it is recorded, in order, and those after an entry to whoever comes back', async () => {
    const { size } = await audit.log.integrity();
    const stream = await follow({ type: 'request' });
    expect(stream.type).toBe('text/event-stream; charset=utf-8');
    await record('One', 'Two');
    await until(() => stream.events().length === 2);
    await record('Three');
    await until(() => stream.events().length === 3);
    stream.close();
    const back = await follow({ type: 'request', from: stream.events()[0]?.seq });
    await until(() => back.events().length === 2);
    back.close();
    expect(stream.events().map(({ operation }) => operation)).toEqual(['One', 'Two', 'Three']);
    expect(back.events()).toEqual(stream.events().slice(1));
    const reads = await findEvents(audit.log.reader, { type: 'audit.read' }, size - 1, 10);
    expect(reads.map(({ canonical }) => (JSON.parse(canonical) as { detail: object }).detail)).toMatchObject([
      { what: 'auditEventAdded', filter: { type: 'request' } },
      { what: 'auditEventAdded', after: Number(stream.events()[0]?.seq) },
    ]);
  });

  test('what is recorded right after the stream was opened is in it, however late it is read', async () => {
    const { signal } = new AbortController();
    const events = await audit.log.follower.follow({ type: 'request' }, undefined, signal);
    await record('AtOnce');
    expect((await events.next()).value).toMatchObject({ operation: 'AtOnce' });
    await events.return();
  });

  test('brings nothing that messages of streams lead to, unless it is asked for', async () => {
    const all = await follow();
    const messages = await follow({ type: 'stream.messages' });
    await audit.log.ingest.accept('gateway', postedBody(postedEvent({ type: 'stream.messages' }), postedEvent()));
    await until(() => messages.events().length === 1 && all.events().some(({ type }) => type === 'request'));
    expect(all.events().map(({ type }) => type)).not.toContain('stream.messages');
    all.close();
    messages.close();
  }); // prettier-ignore

  test('a reader that is slow is not sent more than may wait', async () => {
    const stream = await follow({ type: 'request' });
    stream.state.waitingBytes = 1e6;
    await record('Slow', 'Slower');
    await until(() => stream.events().length === 1);
    await audit.log.integrity();
    expect(stream.events()).toHaveLength(1);
    stream.close();
  });

  test('no stream for whoever may not read events', async () => {
    scopes = new Set(['audit:proofs:read']);
    const stream = await follow().finally(() => {
      scopes = new Set(SCOPES);
    });
    await until(() => stream.state.isOver);
    expect(stream.parts().map(({ data, errors }) => [data, errors?.[0]?.extensions.code])).toEqual([
      [undefined, 'UNAUTHORIZED_FIELD_OR_TYPE'],
    ]);
  });

  test('a stream ends when its token is revoked, and when the service stops', async () => {
    const [revoked, running] = [await follow(), await follow()];
    isRevoked = true;
    changed();
    isRevoked = false;
    expect([revoked.state.isOver, running.state.isOver]).toEqual([false, true]);
    stop();
    expect(revoked.state.isOver).toBe(true);
  });

  test('names who delivered an event, whoever the event says acted', async () => {
    const [one, other] = [postedEvent(), postedEvent({ type: 'app.order' })];
    await audit.log.ingest.accept('gateway', postedBody(one));
    await audit.log.ingest.accept('leads', postedBody(other));
    const query = '{ auditEvents(last: 2, filter: { actor: "bff" }) { edges { node { id actor peer } } } }';
    expect((await ask(query)).data).toEqual({
      auditEvents: {
        edges: [
          { node: { id: one['id'], actor: 'bff', peer: 'gateway' } },
          { node: { id: other['id'], actor: 'bff', peer: 'leads' } },
        ],
      },
    });
  });

  test('hands out no cursor that it does not take back', async () => {
    const nothing = '{ auditEvents(first: 0) { edges { cursor } pageInfo { hasNextPage endCursor } } }';
    expect((await ask(nothing)).data).toEqual({
      auditEvents: { edges: [], pageInfo: { hasNextPage: true, endCursor: null } },
    });
    for (const cursor of ['', 'x', 'seq:-1', 'seq:1e3', 'seq:9'.padEnd(30, '9'), 'seq:1\n']) {
      const after = cursor === '' || cursor === 'x' ? cursor : Buffer.from(cursor).toString('base64url');
      expect((await ask(`{ auditEvents(after: "${after}") { edges { cursor } } }`)).codes).toEqual([
        'BAD_REQUEST',
      ]);
    }
    const beyond = Buffer.from('seq:999999999999999').toString('base64url');
    expect(
      (
        await ask(
          `{ auditEvents(after: "${beyond}") { edges { cursor } pageInfo { hasNextPage endCursor } } }`,
        )
      ).data,
    ).toEqual({ auditEvents: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } });
  });

  describe('says that it is the input of the caller', () => {
    test.each(['"abc"', '""', '-1', '1.5', '"1e3"', '"9999999999999999"', 'true', '[1]', '{ a: 1 }'])(
      'where the literal %s is no BigInt',
      async (size) => {
        const { status, codes } = await ask(`{ auditCheckpoint(size: ${size}) { size } }`);
        expect({ status, codes }).toEqual({ status: 400, codes: ['BAD_USER_INPUT'] });
      },
    );

    test.each(['abc', -1, 1.5, true, [1], { a: 1 }])('where the variable %j is no BigInt', async (size) => {
      const { status, codes } = await ask(`query ($size: BigInt) { auditCheckpoint(size: $size) { size } }`, {
        size,
      });
      expect({ status, codes }).toEqual({ status: 400, codes: ['BAD_USER_INPUT'] });
    });

    test('where a time is none, as a literal and as a variable', async () => {
      const literal = await ask('{ auditEvents(filter: { since: "yesterday" }) { edges { cursor } } }');
      const variable = await ask(
        'query ($since: DateTime) { auditEvents(filter: { since: $since }) { edges { cursor } } }',
        { since: 'yesterday' },
      );
      expect([literal.codes, variable.codes]).toEqual([['BAD_USER_INPUT'], ['BAD_USER_INPUT']]);
      expect(literal.errors[0]?.message).toBe('not an instant of RFC 3339');
    });
  });
});
