import type { IncomingMessage } from 'node:http';
import { SecurityError } from '../errors/security-error.ts';
import { type BodyBudget, CHUNK_BYTES } from './body-budget.ts';

/** Whose body is read, and how much of it. */
export interface BodyRules {
  readonly limitBytes: number;
  /** Whose body it is. */
  readonly owner: string;
  /** Where the client is not known: its address. */
  readonly source: string | undefined;
  readonly budget: BodyBudget;
  /** Called with what was taken of the budget, which is to be given back when the request is answered. */
  readonly onTake: (bytes: number, owner?: string) => void;
}

/**
 * Collects a body, within what it and all bodies together may take, without ending the connection where it is too large
 * or too slow: the answer has to get through.
 */
export async function readBody(message: IncomingMessage, rules: BodyRules): Promise<Buffer> {
  return message.complete ? takeComplete(message, rules) : collect(message, rules);
}

/** All of it came along with the head: there is nothing to wait for. */
function takeComplete(message: IncomingMessage, { limitBytes, budget, onTake }: BodyRules): Buffer {
  const length = message.readableLength;
  if (length > limitBytes) throw new SecurityError('PAYLOAD_TOO_LARGE');
  budget.take(length);
  onTake(length);
  return (message.read() as Buffer | null) ?? Buffer.alloc(0);
}

function collect(
  message: IncomingMessage,
  { limitBytes, owner, source, budget, onTake }: BodyRules,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let refused = false;
    const end = (settle: () => void): void => {
      watched.cancel();
      settle();
    };
    const refuse = (error: SecurityError): void => {
      chunks.length = 0; // what still comes is read and forgotten
      refused = true;
      end(() => {
        reject(error);
      });
    };
    const watched = budget.watch(() => length, refuse, source);
    message.on('data', (chunk: Buffer) => {
      if (refused) return;
      length += chunk.length;
      if (length > limitBytes) {
        refuse(new SecurityError('PAYLOAD_TOO_LARGE'));
        return;
      }
      try {
        budget.take(chunk.length + CHUNK_BYTES, owner);
      } catch (error) {
        refuse(error as SecurityError);
        return;
      }
      onTake(chunk.length + CHUNK_BYTES, owner);
      chunks.push(chunk);
    });
    message.once('end', () => {
      end(() => {
        resolve(Buffer.concat(chunks));
      });
    });
    const endEarly = (cause?: unknown): void => {
      if (!message.readableEnded)
        refuse(new SecurityError('BAD_REQUEST', { detail: 'the body ended early', cause }));
    };
    message.once('error', endEarly);
    message.once('close', () => {
      endEarly();
    });
  });
}
