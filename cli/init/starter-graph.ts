import { EMPTY_GRAPH, type ImportedGraph } from './imported-graph.ts';
import type { StarterFile } from './starter-files.ts';

export interface StarterGraph {
  readonly graph: ImportedGraph;
  readonly files: readonly StarterFile[];
  /** What to do next, as lines. */
  readonly next: readonly string[];
}

const URL = 'https://localhost:8031/graphql';

const SDL = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@authenticated", "@requiresScopes"])

type Query {
  "Open to every caller that is known."
  notes: [Note!]! @authenticated
}

type Note {
  id: ID! @authenticated
  title: String! @authenticated
  "For those who hold notes:read alone."
  text: String @requiresScopes(scopes: [["notes:read"]])
}
`;

const SERVER = `// A subgraph that trusts nobody: mTLS, a token of its own, and the directives of its schema at each field.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { fromEnvironment, openSubgraph, refuseIntrospection } from '@aduana/subgraph';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { execute, parse, specifiedRules, validate } from 'graphql';

const notes = [
  { id: '1', title: 'Welcome', text: 'Only who holds notes:read sees this.' },
  { id: '2', title: 'Next', text: 'Replace this graph by your own.' },
];
const sdl = readFileSync(new URL('notes.graphql', import.meta.url), 'utf8');
const subgraph = await openSubgraph({
  service: 'notes',
  certsDir: 'certs/dev',
  stsUrl: 'https://localhost:8011/sts/token',
  trustDomain: 'aduana.local',
  ...fromEnvironment(),
});
const schema = subgraph.guard(
  buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: { Query: { notes: () => notes } } }),
  sdl,
);

async function answer(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables, operationName } = JSON.parse(Buffer.concat(chunks).toString());
  const document = parse(query);
  const errors = validate(schema, document, [...specifiedRules, refuseIntrospection]);
  if (errors.length > 0) return { errors };
  const contextValue = subgraph.context(request);
  return execute({ schema, document, variableValues: variables, operationName, contextValue });
}

const server = createServer(
  subgraph.tls,
  admitNodeHttp(subgraph, async (request, response) => {
    const result = await answer(request).catch(() => ({ errors: [{ message: 'The request is not GraphQL' }] }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(result));
  }),
);
subgraph.attach(server);
server.listen(8031, '127.0.0.1', () => console.log('notes listens at ${URL}'));
`;

/** A graph of one subgraph to play with. */
export const STARTER_GRAPH: StarterGraph = {
  graph: {
    ...EMPTY_GRAPH,
    subgraphs: [{ name: 'notes', url: URL, schema: { file: 'notes/notes.graphql' }, sdl: SDL, settings: {} }],
  },
  files: [
    { path: 'notes/notes.graphql', text: SDL },
    { path: 'notes/notes.mjs', text: SERVER },
  ],
  next: [
    'Next, in two terminals:',
    '$ npx aduana up',
    '$ node notes/notes.mjs',
    'then ask, and see the text of each note refused:',
    "$ npx aduana query --as bff '{ notes { title text } }'",
    'Give the role notes_read to bff in policies/service_identities.yaml, and ask again.',
  ],
};
