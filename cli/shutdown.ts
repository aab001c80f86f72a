import type { RunningService } from '@aduana/server-kit/http/service-platform';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Whoever asks a process to end: a person at the terminal, or a supervisor. */
export type StopSignal = (typeof SIGNALS)[number];

/** Resolves with the first SIGINT or SIGTERM; further ones change nothing (npm delivers Ctrl-C twice). */
export function untilAsked(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS)
      process.on(signal, () => {
        resolve(signal);
      });
  });
}

/** Runs a start that waiting for a migration may prolong; undefined: the process was asked to end before it was done. */
export async function unlessAsked<Started>(
  asked: Promise<unknown>,
  start: (signal: AbortSignal) => Promise<Started>,
): Promise<Started | undefined> {
  const end = new AbortController();
  void asked.then(() => {
    end.abort();
  });
  try {
    return await start(end.signal);
  } catch (error) {
    if (end.signal.aborted && (error as Error).name === 'AbortError') return undefined;
    throw error;
  }
}

/** Stops services one after the other, in the order given; one that fails does not keep the others. */
export async function stopAll(services: readonly RunningService[]): Promise<readonly unknown[]> {
  const failures: unknown[] = [];
  for (const service of services)
    await service.stop().catch((error: unknown) => {
      failures.push(error);
    });
  return failures;
}
