import type { EventBus } from '@aduana/core/bus/event-bus';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import type { Platform } from '@aduana/core/platform/platform';
import type { SecretProvider } from '../secrets/secret-provider.ts';
import type { Database, Migration } from '../store/database.ts';

/** One service's view of the database, under each of its two roles. */
export interface ServiceStore {
  readonly writer: Database;
  readonly reader: Database;
}

/** What a service's `start` gets from the process that it runs in. */
export interface ServicePlatform extends Platform {
  readonly bus: EventBus;
  readonly secrets: SecretProvider;
  /** The service's own certificate and key, and the CA that it trusts. */
  readonly identity: TlsIdentity;
  /** Migrates the service's schema and opens it. */
  openStore(schema: string, migrations: readonly Migration[]): Promise<ServiceStore>;
}

export interface RunningService {
  readonly name: string;
  /** `https://localhost:<port>`; empty for one that does not listen. */
  readonly url: string;
  /** Whether `/health/ready` would answer 200. */
  isReady(): Promise<boolean>;
  /**
   * Ends what `/health/ready` promised while the ports go on serving, so that load balancers look elsewhere first; absent
   * where nothing is served.
   */
  drain?(): void;
  /** Stops accepting, lets what is under way finish within a bounded time, gives everything back. Idempotent. */
  stop(): Promise<void>;
}
