import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Environment } from '@aduana/server-kit/config/load-config';
import type { ChosenPorts } from './addresses.ts';
import type { DeploymentService } from './deployment-services.ts';

/**
 * Lets the system choose a free port for each variable that says 0, before the services are configured: they have to
 * know each other's.
 *
 * @param allowed only where all services run in this process can the others learn what was chosen
 */
export async function chooseSystemPorts(
  services: readonly DeploymentService[],
  environment: Environment,
  allowed: boolean,
): Promise<{ readonly environment: Environment; readonly chosen: ChosenPorts }> {
  const variables = services
    .flatMap(({ portVariables }) => portVariables)
    .filter((variable) => environment[variable] === '0');
  if (!allowed || variables.length === 0) return { environment, chosen: {} };
  const held = await Promise.all(variables.map(() => listenAnywhere()));
  const chosen = Object.fromEntries(
    variables.map((variable, index) => [variable, (held[index]?.address() as AddressInfo).port]),
  );
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  const ports = Object.entries(chosen).map(([variable, port]) => [variable, String(port)] as const);
  return { environment: { ...environment, ...Object.fromEntries(ports) }, chosen };
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}
