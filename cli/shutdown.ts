import type { RunningService } from '@aduana/core/http/service-platform';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Resolves at the first SIGINT or SIGTERM; further ones change nothing (npm delivers Ctrl-C twice). */
export function untilAsked(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => { resolve(); }); // prettier-ignore
  });
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
