// Serves the wide supergraph's subgraphs, all on one port over mutual TLS, each at a path of its own. An answer is computed once per body.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { graphql, parse } from 'graphql';
import { subgraphSchema } from './wide-supergraph.js';

const KEPT = 2_000;
const read = (file) => readFileSync(join(process.env.CERTS_DIR, file));
const schemas = new Map();
const answers = new Map();

function schemaOf(index) {
  let schema = schemas.get(index);
  if (schema === undefined) {
    const fields = Array.from({ length: 10 }, (_, field) => [
      `s${index}_f${field}`,
      ({ id }) => `field ${field} of item ${id} in subgraph ${index}`,
    ]);
    const resolvers = {
      Query: {
        items: (_, { first }) =>
          Array.from({ length: first }, (_, id) => ({ __typename: 'Item', id: String(id) })),
      },
      Item: { __resolveReference: ({ id }) => ({ __typename: 'Item', id }), ...Object.fromEntries(fields) },
    };
    if (index > 0) delete resolvers.Query;
    schema = buildSubgraphSchema({ typeDefs: parse(subgraphSchema(index)), resolvers });
    schemas.set(index, schema);
  }
  return schema;
}

async function answerTo(path, body) {
  const key = `${path} ${body}`;
  let answer = answers.get(key);
  if (answer === undefined) {
    const { query, variables } = JSON.parse(body);
    const result = await graphql({
      schema: schemaOf(Number(path.slice(2))),
      source: query,
      variableValues: variables,
    });
    answer = Buffer.from(JSON.stringify(result));
    if (answers.size < KEPT) answers.set(key, answer);
  }
  return answer;
}

const tls = {
  minVersion: 'TLSv1.3',
  requestCert: true,
  rejectUnauthorized: true,
  ca: read('ca.crt'),
  cert: read('leads.crt'),
  key: read('leads.key'),
  keepAliveTimeout: 600_000,
};
const server = createServer(tls, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const answer = await answerTo(request.url, Buffer.concat(chunks).toString());
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('disconnect', () => process.exit(0));
