import type { EventBus } from '../bus/event-bus.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Platform } from '../platform/platform.ts';

/** What a service that only calls others gets from the process that it runs in. */
export interface ClientPlatform extends Platform {
  readonly bus: EventBus;
  readonly identity: TlsIdentity;
}
