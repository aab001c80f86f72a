import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** In the home folder: on which port of loopback a running console takes logins of the command line. */
export const LOGIN_PORT_FILE = 'console-login.json';

/** @returns undefined where no console runs with this home */
export async function readLoginPort(home: string): Promise<number | undefined> {
  const text = await readFile(join(home, LOGIN_PORT_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { port } = JSON.parse(text) as { readonly port?: unknown };
  return typeof port === 'number' ? port : undefined;
}
