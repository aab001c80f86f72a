import { setTimeout as wait } from 'node:timers/promises';
import { LONGEST_WAIT_MS } from './until.ts';

export interface LoadRequest {
  readonly authorization: string;
  readonly document: string;
}

/** One answered request. */
export interface LoadAnswer {
  readonly status: number;
  readonly auditId: string;
  readonly milliseconds: number;
  /** When it was answered, on the monotonic clock. */
  readonly at: number;
  /** The code of the first error; undefined where there is none. */
  readonly code: string | undefined;
}

export interface SteadyLoad {
  readonly answers: readonly LoadAnswer[];
  /** Requests that got no answer, as from a gateway that is being killed. */
  readonly unanswered: number;
  /** Hands the answers over, and forgets them. */
  take(): readonly LoadAnswer[];
  /** Waits for that many more answers. */
  untilMore(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Callers that ask one request after the other, and write down each that is answered. */
export function startSteadyLoad(url: string, callers: number, next: (n: number) => LoadRequest): SteadyLoad {
  const answers: LoadAnswer[] = [];
  const stopped = new AbortController();
  let asked = 0;
  let unanswered = 0;

  async function ask(): Promise<void> {
    const { authorization, document } = next((asked += 1));
    const began = performance.now();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query: document }),
    });
    const text = await response.text();
    answers.push({
      status: response.status,
      auditId: response.headers.get('audit-id') ?? '',
      milliseconds: performance.now() - began,
      at: performance.now(),
      code: /"code":"([A-Z_]+)"/.exec(text)?.[1],
    });
  }

  async function call(): Promise<void> {
    while (!stopped.signal.aborted) {
      await ask().catch(() => {
        unanswered += 1; // the gateway is being killed
        return wait(50);
      });
      await wait(10);
    }
  }

  const calling = Promise.all(Array.from({ length: callers }, call));
  return {
    answers,
    get unanswered() {
      return unanswered;
    },
    take: () => answers.splice(0),
    async untilMore(count) {
      const wanted = answers.length + count;
      const deadline = performance.now() + LONGEST_WAIT_MS;
      while (answers.length < wanted) {
        if (performance.now() > deadline) throw new Error('requests are not answered any more');
        await wait(20);
      }
    },
    async stop() {
      stopped.abort();
      await calling;
    },
  };
}
