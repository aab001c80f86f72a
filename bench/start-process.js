import { fork, spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** Gateways have the first core for themselves; subgraphs, load and the rest share the second. */
export const GATEWAY_CORE = '0';
export const OTHER_CORE = '1';

/** How every gateway here is started, as Aduana's image starts it. */
export const NODE = [process.execPath, '--max-semi-space-size=32', '--no-allocation-site-pretenuring'];

const ATTEMPTS = 240;
const running = new Set();

export function stopAll() {
  for (const child of running) child.kill('SIGTERM');
}

/** A child of ours that talks over IPC. */
export function forkChild(file, env = {}) {
  const child = fork(file, [], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  keep(child);
  spawn('taskset', ['-a', '-p', '-c', OTHER_CORE, String(child.pid)]);
  return child;
}

export function nextMessage(child) {
  return new Promise((resolve, reject) => {
    const end = (code) => reject(new Error(`ended with ${code}`));
    child.once('exit', end);
    child.once('message', (message) => {
      child.off('exit', end);
      resolve(message);
    });
  });
}

/** Starts a program on one core and waits until it is ready. */
export async function startProgram({ name, command, env = {}, core, cwd, isReady }) {
  const child = spawn('taskset', ['-c', core, ...command], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  keep(child);
  let output = '';
  const note = (chunk) => {
    output = (output + chunk).slice(-4_000);
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (child.exitCode !== null) throw new Error(`${name} ended at start:\n${output}`);
    try {
      await isReady();
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  throw new Error(`${name} does not answer:\n${output}`);
}

/** Starts a gateway and waits until its GraphQL answers. */
export function startGateway({ url, headers, ...program }) {
  const isReady = async () => {
    const body = JSON.stringify({ query: '{ __typename }' });
    const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(await response.text());
    await response.text();
  };
  return startProgram({ core: GATEWAY_CORE, ...program, isReady });
}

function keep(child) {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
