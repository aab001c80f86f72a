import { generateKeyPairSync } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { importPKCS8, SignJWT } from 'jose';
import { recordCalls } from './record-calls.js';
import { freePorts, NODE, startGateway } from './start-process.js';
import { composeWorkload } from './workload/supergraph.js';

const PEERS = resolve(import.meta.dirname, 'peers');
const JSON_BODY = { 'content-type': 'application/json' };

/** The gateways to compare with, each a name and how to start it. */
export async function peersOver(folder, ports) {
  const supergraph = join(folder, 'plain-supergraph.graphql');
  writeFileSync(
    supergraph,
    composeWorkload(false, (name) => `http://127.0.0.1:${ports[name].http}/`),
  );
  const jwt = await createJwt();
  const bearer = { ...JSON_BODY, authorization: `Bearer ${jwt.token}` };
  const peers = [
    { name: 'floor', start: () => startFloor(folder, supergraph) },
    { name: 'apollo', start: () => startApollo(folder, supergraph, JSON_BODY) },
    { name: 'apollo + jwt', start: () => startApollo(folder, supergraph, bearer, jwt.key) },
    { name: 'hive', start: () => startHive(supergraph, JSON_BODY, {}) },
    { name: 'hive + jwt', start: () => startHive(supergraph, bearer, { JWT_KEY: jwt.key }) },
    { name: 'hive rust', start: () => startHive(supergraph, JSON_BODY, { PLANNER: 'rust' }) },
    {
      name: 'hive rust + jwt',
      start: () => startHive(supergraph, bearer, { PLANNER: 'rust', JWT_KEY: jwt.key }),
    },
  ];
  return existsSync(join(PEERS, 'node_modules')) ? peers : peers.slice(0, 1);
}

async function createJwt() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = await importPKCS8(privateKey.export({ type: 'pkcs8', format: 'pem' }), 'ES256');
  const token = await new SignJWT({ scope: 'leads:read' })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .setSubject('bff')
    .setIssuer('https://issuer.example')
    .setExpirationTime('2h')
    .sign(key);
  return { token, key: publicKey.export({ type: 'spki', format: 'pem' }) };
}

async function startFloor(folder, supergraph) {
  const [port] = await freePorts(1);
  const file = join(folder, 'floor.json');
  writeFileSync(file, JSON.stringify({ port, answers: await recordCalls(supergraph) }));
  return start('floor', port, JSON_BODY, [...NODE, script('floor.js'), file], '/');
}

async function startApollo(folder, supergraph, headers, key = '') {
  const [port] = await freePorts(1);
  const file = join(folder, `apollo-${port}.json`);
  writeFileSync(file, JSON.stringify({ peers: PEERS, supergraph, port, jwt: key !== '', key }));
  return start('apollo', port, headers, [...NODE, script('apollo.js'), file], '/');
}

async function startHive(supergraph, headers, env) {
  const [port] = await freePorts(1);
  const command = [
    ...NODE, join(PEERS, 'node_modules/.bin/hive-gateway'), 'supergraph', supergraph,
    '--port', String(port), '--host', '127.0.0.1', '--fork', '1', '-c', join(PEERS, 'hive.config.js'),
  ]; // prettier-ignore
  return start('hive', port, headers, command, '/graphql', { ...env, cwd: PEERS });
}

async function start(name, port, headers, command, path, { cwd, ...env } = {}) {
  const url = `http://127.0.0.1:${port}${path}`;
  const defaults = { NODE_ENV: 'production', APOLLO_TELEMETRY_DISABLED: 'true' };
  const child = await startGateway({ name, command, env: { ...defaults, ...env }, cwd, url, headers });
  return { child, url, headers: () => headers };
}

function script(name) {
  return resolve(import.meta.dirname, 'gateways', name);
}
