import { type FSWatcher, watch } from 'node:fs';
import { ConfigurationError } from '../errors/configuration-error.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import { every } from '../platform/every.ts';
import { describeError, type Log } from '../platform/log.ts';
import { parseTlsGeneration, readTlsFiles, tlsFiles } from './read-tls-generation.ts';
import type { TlsGeneration, TlsIdentity } from './tls-identity.ts';

/** Certificate and key are written one after the other: wait for the pair. */
const SETTLE_MILLISECONDS = 100;

/** Which certificate is loaded, and from where. */
export interface TlsIdentityOptions {
  /** The folder with `ca.crt`, `<service>.crt` and `<service>.key`, in PEM. */
  readonly certsDir: string;
  /** The service's id: the certificate must name `spiffe://<trustDomain>/<service>`. */
  readonly service: string;
  /** The SPIFFE trust domain of the deployment. */
  readonly trustDomain: string;
  /** False for a service that only calls others: its certificate needs no server usage. */
  readonly acceptsConnections?: boolean;
  /** How often the files are read, besides each change that the file system reports (default 10,000). */
  readonly pollMilliseconds?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Loads a service's certificate, key and CAs, and loads them again whenever the files change. Files that cannot be used
 * are logged once, and the last good ones stay in use.
 *
 * @throws ConfigurationError with every problem of the first load
 * @example
 * const identity = await loadTlsIdentity({ certsDir: 'certs/dev', service: 'bff', trustDomain: 'aduana.local', clock, log });
 * const server = createServer(identity.current().secureContextOptions());
 */
export async function loadTlsIdentity(options: TlsIdentityOptions): Promise<TlsIdentity> {
  const { certsDir, service, trustDomain, acceptsConnections = true, clock, log } = options;
  const files = tlsFiles(certsDir, service);
  const listeners = new Set<(generation: TlsGeneration) => void>();
  const parse = (contents: Awaited<ReturnType<typeof readTlsFiles>>): TlsGeneration =>
    parseTlsGeneration(contents, files, { service, trustDomain, acceptsConnections, now: clock.now() });

  const first = await readTlsFiles(files);
  const state = { generation: parse(first), seen: first.sha256, complaint: '' };

  async function reload(): Promise<void> {
    const contents = await readTlsFiles(files);
    if (contents.sha256 === state.seen) return;
    state.seen = contents.sha256;
    state.generation = parse(contents);
    state.complaint = '';
    log.info('a new certificate is in use', {
      service,
      thumbprint: state.generation.thumbprint,
      not_after: new Date(state.generation.notAfter).toISOString(),
    });
    for (const listener of listeners) listener(state.generation);
  }

  function complain(error: unknown): void {
    const what = error instanceof ConfigurationError ? { message: error.message } : describeError(error);
    const complaint = JSON.stringify(what);
    if (complaint === state.complaint) return;
    state.complaint = complaint;
    log.error('the new certificate files cannot be used; the last good ones stay', { service, error: what });
  }

  const reloading = every(clock, () => options.pollMilliseconds ?? 10_000, reload, complain);
  const watcher = watchFolder(certsDir, clock, reloading.wake);
  return {
    current: () => state.generation,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      watcher.close();
      listeners.clear();
      await reloading.stop();
    },
  };
}

/** Notification by the file system, where it has any: polling does without. */
function watchFolder(folder: string, clock: Clock, wake: () => void): { close(): void } {
  const pending: { timer?: Timer } = {};
  const notice = (): void => {
    pending.timer?.cancel();
    pending.timer = clock.after(SETTLE_MILLISECONDS, wake);
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, notice);
    watcher.on('error', () => watcher?.close());
  } catch {
    watcher = undefined;
  }
  return {
    close() {
      pending.timer?.cancel();
      watcher?.close();
    },
  };
}
