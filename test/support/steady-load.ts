import { setTimeout as wait } from 'node:timers/promises';

export interface LoadRequest {
  readonly authorization: string;
  readonly document: string;
}

/** One answered request. */
export interface LoadAnswer {
  readonly status: number;
  readonly auditId: string;
  readonly milliseconds: number;
  /** The code of the first error; undefined where there is none. */
  readonly code: string | undefined;
}

export interface SteadyLoad {
  readonly answers: readonly LoadAnswer[];
  /** Waits for that many more answers. */
  untilMore(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Callers that ask one request after the other, and write down each that is answered. */
export function startSteadyLoad(url: string, callers: number, next: (n: number) => LoadRequest): SteadyLoad {
  const answers: LoadAnswer[] = [];
  const stopped = new AbortController();
  let asked = 0;

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
      code: /"code":"([A-Z_]+)"/.exec(text)?.[1],
    });
  }

  async function call(): Promise<void> {
    while (!stopped.signal.aborted) {
      await ask().catch(() => wait(50)); // the gateway is being killed
      await wait(10);
    }
  }

  const calling = Promise.all(Array.from({ length: callers }, call));
  return {
    answers,
    async untilMore(count) {
      const wanted = answers.length + count;
      const deadline = performance.now() + 60_000;
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
