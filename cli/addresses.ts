import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = 'addresses.json';

/** Ports that the system chose, by variable: `port 0` is only known once the deployment runs. */
export type ChosenPorts = Readonly<Record<string, number>>;

/** What the running deployment wrote; empty where it chose no port. */
export async function readAddresses(home: string): Promise<ChosenPorts> {
  try {
    return JSON.parse(await readFile(join(home, FILE), 'utf8')) as ChosenPorts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Writes the ports down for the commands that talk to this deployment; none removes what an earlier deployment wrote. */
export async function writeAddresses(home: string, ports: ChosenPorts): Promise<void> {
  const file = join(home, FILE);
  if (Object.keys(ports).length === 0) {
    await rm(file, { force: true });
    return;
  }
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(ports), { mode: 0o600 });
}
