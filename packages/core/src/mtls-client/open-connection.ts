import type { Socket } from 'node:net';
import { CallError, type CallFailure } from './call-error.ts';
import type { Pending } from './deadlines.ts';
import { describeConnectionFailure } from './describe-connection-failure.ts';
import type { Connections } from './open-connections.ts';
import type { ConnectionWait } from './secure-peer.ts';
import type { CallRules } from './send-request.ts';

/** Opens a connection beside the pool, within its deadline. */
export function openConnection(
  connections: Pick<Connections, 'connect'>,
  { signal }: ConnectionWait,
  { deadlines, deadline, failureCode, origin }: CallRules,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const fail = (failure: CallFailure, reason: string, cause?: unknown): void => {
      isOver = true;
      deadlines.remove(pending);
      reject(new CallError(failureCode, failure, { detail: `${origin}: ${reason}`, cause }));
    };
    const pending: Pending = { deadline, signal, abandon: fail };
    deadlines.add(pending);
    connections.connect().then(
      (socket) => {
        deadlines.remove(pending);
        if (isOver) socket.destroy();
        else resolve(socket);
      },
      (error: unknown) => {
        if (!isOver) fail('connection', describeConnectionFailure(error), error);
      },
    );
  });
}
