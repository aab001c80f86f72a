import { join } from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { CommandContext } from '../../cli/command-context.ts';
import { createFakeClock } from './fake-clock.ts';
import { openHttpsDouble } from './https-double.ts';

/** What a command asks for. */
export interface AskedOperation {
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What stands where the gateway should, with its certificate, and a command that asks it as the auditor. */
export interface GatewayDouble {
  readonly context: CommandContext;
  /** What the command knows from before: ADUANA_HOME. */
  readonly home: string;
  /** Lines of standard output. */
  readonly printed: string[];
  /** Lines of standard error. */
  readonly told: string[];
  close(): Promise<void>;
}

/** @param answer the data that it answers an operation with, whose event has the id `auditId` */
export async function openGatewayDouble(
  answer: (operation: AskedOperation, auditId: string) => Readonly<Record<string, unknown>>,
): Promise<GatewayDouble> {
  let answers = 0;
  const { url, folder, close } = await openHttpsDouble(
    ({ body }) => {
      const { query, variables } = JSON.parse(body) as {
        query: string;
        variables: AskedOperation['variables'];
      };
      answers += 1;
      const auditId = `answer-${String(answers)}`;
      return {
        status: 200,
        headers: { 'audit-id': auditId },
        body: { data: answer({ document: query, variables }, auditId) },
      };
    },
    ['gateway', 'auditor'],
  );
  const home = join(folder, 'home');
  const printed: string[] = [];
  const told: string[] = [];
  return {
    home,
    printed,
    told,
    close,
    context: {
      environment: { CERTS_DIR: folder, ADUANA_HOME: home, GATEWAY_URL: url },
      clock: createFakeClock(Date.now()),
      log: createLog('silent', () => undefined),
      print: (line) => printed.push(line),
      printError: (line) => told.push(line),
    },
  };
}
