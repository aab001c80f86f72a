import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { deploymentEnvironment, type TestDeployment } from './running-deployment.ts';
import { LONGEST_WAIT_MS } from './until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface SecondGateway {
  readonly port: number;
  stop(): Promise<number | null>;
}

/** Another replica of a running deployment's gateway: a process and a home of its own, the same certificates. */
export async function startSecondGateway(
  deployment: TestDeployment,
  environment: Readonly<Record<string, string>>,
): Promise<SecondGateway> {
  const port = await freePort();
  const ports = Object.fromEntries(Object.entries(deployment.ports).map(([name, at]) => [name, String(at)]));
  const child = spawn(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'gateway'], {
    cwd: ROOT,
    env: deploymentEnvironment(deployment.folder, {
      ...environment,
      ...ports,
      ADUANA_HOME: join(deployment.folder, 'second-home'),
      INSTANCE: '2',
      GATEWAY_HTTP_PORT: String(port),
      GATEWAY_TLS_PORT: String(await freePort()),
    }),
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const until = performance.now() + LONGEST_WAIT_MS;
  while (!(await isReady(port))) {
    if (child.exitCode !== null || performance.now() > until)
      throw new Error(`the second gateway did not become ready:\n${chunks.join('')}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    port,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${String(port)}/health/ready`)).ok;
  } catch {
    return false;
  }
}
