// Serves the four subgraphs from memory, so that the gateway is what is measured: an answer is computed once per body.
// Each subgraph on a port of its own, in plain HTTP, and over mutual TLS where CERTS_DIR is given.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { graphql, parse } from 'graphql';
import { RESOLVERS } from './data.js';
import { SUBGRAPHS, schemaOf } from './supergraph.js';

const certificates = process.env.CERTS_DIR;
let calls = 0;

function createHandler(name) {
  const schema = buildSubgraphSchema({ typeDefs: parse(schemaOf(name, false)), resolvers: RESOLVERS[name] });
  const answers = new Map();
  return (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      calls += 1;
      const body = Buffer.concat(chunks).toString();
      let answer = answers.get(body);
      if (answer === undefined) {
        const { query, variables } = JSON.parse(body);
        answer = Buffer.from(
          JSON.stringify(await graphql({ schema, source: query, variableValues: variables })),
        );
        if (answers.size < 10_000) answers.set(body, answer);
      }
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
      response.end(answer);
    });
  };
}

function tlsOptions() {
  const read = (file) => readFileSync(join(certificates, file));
  return {
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    ca: read('ca.crt'),
    cert: read('leads.crt'),
    key: read('leads.key'),
  };
}

const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

const ports = {};
for (const name of SUBGRAPHS) {
  const handler = createHandler(name);
  const plain = createServer({ keepAliveTimeout: 600_000 }, handler);
  ports[name] = { http: await listen(plain) };
  if (certificates !== undefined)
    ports[name].https = await listen(
      createTlsServer({ ...tlsOptions(), keepAliveTimeout: 600_000 }, handler),
    );
}
const control = createServer((_, response) => {
  response.end(String(calls));
});
process.send({ ports, control: await listen(control) });
process.on('disconnect', () => process.exit(0));
