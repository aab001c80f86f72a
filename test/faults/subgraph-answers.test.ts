import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { SubgraphFetcher } from '../../gateway/subgraphs/subgraph-fetcher.ts';
import { bytesHeld } from '../support/collect-garbage.ts';
import { openFederation } from '../support/federation.ts';
import { describeCompletions } from '../support/test-executor.ts';
import { type Behave, type Forwarding, LONGEST_ANSWER, openForwarding } from '../support/forwarding.ts';

const TIMEOUT_MS = 1_500;

const FEDERATION = openFederation({
  good: {
    sdl: 'type Query { items: [Item] version: String } type Item @key(fields: "id") { id: ID! name: String }',
    resolvers: {
      Query: {
        items: () => [
          { id: '1', name: 'one' },
          { id: '2', name: 'two' },
        ],
        version: () => 'v1',
      },
    },
  },
  bad: { sdl: 'type Item @key(fields: "id") { id: ID! rating: Int }' },
});

const QUERY = '{ version items { name rating } }';
const WITHOUT_RATINGS = {
  version: 'v1',
  items: [
    { name: 'one', rating: null },
    { name: 'two', rating: null },
  ],
};
const ENTITIES = '{"data":{"_entities":[{"rating":1},{"rating":2}]}}';
const WITH_RATINGS = {
  version: 'v1',
  items: [
    { name: 'one', rating: 1 },
    { name: 'two', rating: 2 },
  ],
};

const answering =
  (status: number, body: string, type = 'application/json'): Behave =>
  (_, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  };

const place: {
  forwarding?: Forwarding;
  fetcher?: SubgraphFetcher;
  sent: number;
} = { sent: 0 };

const behaveAs = (behave: Behave): void => {
  const bad = place.forwarding?.served['bad'];
  if (bad !== undefined) bad.behave = behave;
};

beforeAll(async () => {
  const forwarding = await openForwarding({ bad: { timeoutMs: TIMEOUT_MS } });
  Object.assign(place, { forwarding, fetcher: forwarding.forward(forwarding.subgraphs, {}) });
});

afterAll(() => place.forwarding?.close());

const FAULTY = { message: 'A subgraph answered with an error', extensions: { code: 'SUBGRAPH_ERROR' } };
const AWAY = { message: 'A subgraph did not answer', extensions: { code: 'SUBGRAPH_UNAVAILABLE' } };

const FAULTS: [string, Behave, object][] = [
  ['an HTML page', answering(502, '<html>nginx 10.0.0.7</html>', 'text/html'), FAULTY],
  ['a page instead of an answer', answering(200, '<html>', 'text/html'), FAULTY],
  ['truncated JSON', answering(200, ENTITIES.slice(0, -8)), FAULTY],
  ['an empty body', answering(200, ''), FAULTY],
  ['JSON that is no object', answering(200, '[1]'), FAULTY],
  ['too few entities', answering(200, '{"data":{"_entities":[{"rating":1}]}}'), FAULTY],
  ['too many entities', answering(200, '{"data":{"_entities":[null,null,null]}}'), FAULTY],
  ...[429, 500, 503].flatMap((status): [string, Behave, object][] => [
    [`${String(status)} with a page`, answering(status, 'slow down', 'text/plain'), FAULTY],
    [`${String(status)} with other JSON`, answering(status, '{"message":"at /srv/app.js:1"}'), FAULTY],
    [`${String(status)} with GraphQL`, answering(status, '{"errors":[{"message":"hunter2"}]}'), FAULTY],
  ]),
  [
    'a redirection',
    (_, response) => response.writeHead(307, { location: 'https://localhost:1/' }).end(),
    FAULTY,
  ],
  [
    'an answer without end',
    (_, response) => {
      const chunk = Buffer.alloc(65_536, 32);
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed) {
          place.sent += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', more);
            return;
          }
        }
      };
      more();
    },
    AWAY,
  ],
  [
    'an announced answer that is too large',
    (_, response) => response.writeHead(200, { 'content-length': 2e8 }).write('{'),
    AWAY,
  ],
  [
    'headers, and then nothing',
    (_, response) => {
      response.writeHead(200, { 'content-length': 20 }).flushHeaders();
    },
    AWAY,
  ],
  ['nothing at all', () => undefined, AWAY],
  [
    'an end in the middle',
    (_, response) =>
      response.writeHead(200, { 'content-length': 90 }).write('{"data"', () => response.destroy()),
    AWAY,
  ],
  ['an end before the answer', (request) => request.socket.destroy(), AWAY],
];

describeCompletions('a subgraph that answers', (execute) => {
  const ask = () =>
    FEDERATION.ask(execute, QUERY, {
      answer: (call, signal, request) =>
        call.subgraph === 'bad' ? place.fetcher?.fetch({ ...request, signal }) : undefined,
    });

  it.each(FAULTS)('%s loses its own fields alone, and says nothing of itself', async (_, behave, error) => {
    behaveAs(behave);
    place.sent = 0;
    const { data, errors } = await ask();
    expect(data).toEqual(WITHOUT_RATINGS);
    expect(errors).toEqual([{ ...error, path: ['items'] }]);
    expect(place.sent).toBeLessThan(32 * LONGEST_ANSWER);
    behaveAs(answering(200, ENTITIES));
    expect((await ask()).data).toEqual(WITH_RATINGS);
  });

  it.each([
    ['the same key twice', `{"data":null,${ENTITIES.slice(1)}`],
    [
      'keys of Object.prototype',
      '{"__proto__":{"errors":[{}]},"constructor":1,"data":{"__proto__":{},"_entities":[{"rating":1,"__proto__":{"name":"x"},"toString":1},{"rating":2,"constructor":{}}]}}',
    ],
    [
      'fields that nobody asked for',
      '{"data":{"version":"v0","_entities":[{"rating":1,"name":"forged","id":"9"},{"rating":2,"__typename":"Item"}]},"extensions":{"token":"x"}}',
    ],
  ])('%s changes nothing', async (_, body) => {
    behaveAs(answering(200, body));
    expect(await ask()).toMatchObject({ data: WITH_RATINGS, errors: [] });
  });

  it.each([429, 500, 503])('%d with a whole GraphQL answer is believed', async (status) => {
    behaveAs(answering(status, ENTITIES));
    expect(await ask()).toMatchObject({ data: WITH_RATINGS, errors: [] });
  });

  it('another type loses that entity alone, at its place', async () => {
    const entities = '{"rating":1,"__typename":"Query"},{"rating":2,"__typename":"Item"}';
    behaveAs(answering(200, `{"data":{"_entities":[${entities}]}}`));
    const { data, errors } = await ask();
    expect(data).toEqual({
      version: 'v1',
      items: [
        { name: 'one', rating: null },
        { name: 'two', rating: 2 },
      ],
    });
    expect(errors).toEqual([{ ...FAULTY, path: ['items', 0] }]);
  });

  it('whatever it answers gives back its sockets and the memory of its answers', async () => {
    const before = bytesHeld();
    for (let round = 0; round < 8; round += 1)
      for (const [, behave] of FAULTS.filter(([name]) => !name.includes('nothing'))) {
        behaveAs(behave);
        await ask();
        behaveAs(answering(200, ENTITIES));
        expect((await ask()).data).toEqual(WITH_RATINGS);
      }
    expect(await place.forwarding?.served['bad']?.connections()).toBeLessThanOrEqual(2);
    expect(bytesHeld() - before).toBeLessThan(8 * LONGEST_ANSWER);
  });
});
