import { SecurityError } from '@aduana/core/errors/security-error';
import type { ChannelEnds, WorkerMessage } from './worker-messages.ts';

/** One end of the connection between a worker and the primary. */
export interface WorkerChannel<Asked> {
  /** @throws what the other end throws; Error where it ends before it answers */
  ask(question: Asked): Promise<unknown>;
  /** To be called with each message that comes in. */
  receive(message: unknown): void;
  /** The other end is gone: nothing will be answered. */
  end(): void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param send hands a message to the other end, or throws
 * @param answer a question of the other end
 */
export function createWorkerChannel<End extends keyof ChannelEnds>(
  send: (message: WorkerMessage) => void,
  answer: (question: ChannelEnds[End]['answers']) => unknown,
): WorkerChannel<ChannelEnds[End]['asks']> {
  const waiting = new Map<number, Waiting>();
  let next = 0;
  let ended = false;

  async function reply(id: number, question: ChannelEnds[End]['answers']): Promise<void> {
    let message: WorkerMessage;
    try {
      message = { aduana: 'answer', id, value: await answer(question) };
    } catch (error) {
      const code = error instanceof SecurityError ? error.code : undefined;
      message = { aduana: 'failure', id, code, message: String(error) };
    }
    if (!ended) send(message);
  }

  return {
    ask(question) {
      if (ended) return Promise.reject(new Error('the other process has ended'));
      const id = (next += 1);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ aduana: 'question', id, question });
      });
    },
    receive(received) {
      const message = received as WorkerMessage | { readonly aduana?: undefined };
      if (message.aduana === undefined) return;
      if (message.aduana === 'question') {
        void reply(message.id, message.question);
        return;
      }
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.aduana === 'answer') asked?.resolve(message.value);
      else
        asked?.reject(
          message.code === undefined ? new Error(message.message) : new SecurityError(message.code),
        );
    },
    end() {
      ended = true;
      for (const { reject } of waiting.values()) reject(new Error('the other process has ended'));
      waiting.clear();
    },
  };
}
