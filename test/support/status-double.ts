import { SecurityError } from '@aduana/core/errors/security-error';
import type { StatusView } from '@aduana/core/status/status-entry';

/** Registers listeners; each is returned what takes it back. */
export function listen(listeners: Set<() => void>) {
  return (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
}

/** A status feed that the test writes. */
export function createStatus() {
  const ended = new Set<string>();
  const listeners = new Set<() => void>();
  const state = { isFresh: true, version: 0 };
  const view: StatusView = {
    isTokenRevoked: (jti, rootJti) => ended.has(`token ${jti}`) || ended.has(`token ${rootJti}`),
    isSubjectRevoked: (_issuer, subject) => ended.has(`subject ${subject}`),
    isKeyRevoked: (kid) => ended.has(`key ${kid}`),
    isServiceSuspended: (service) => ended.has(`service ${service}`),
    isCertificateRevoked: (thumbprint) => ended.has(`certificate ${thumbprint}`),
    get version() {
      return state.version;
    },
    assertFresh() {
      if (!state.isFresh) throw new SecurityError('STATUS_UNAVAILABLE');
    },
    onChange: listen(listeners),
  };
  return {
    view,
    state,
    /** `kind` is `token`, `subject`, `key`, `service` or `certificate`. */
    end(kind: string, name: string) {
      ended.add(`${kind} ${name}`);
      state.version += 1;
      for (const listener of listeners) listener();
    },
  };
}
