import { parseTlsGeneration, tlsFiles } from '@aduana/core/mtls/read-tls-generation';
import type { TlsGeneration, TlsIdentity } from '@aduana/core/mtls/tls-identity';
import type { TestCa, TestLeaf } from './test-ca.ts';

export interface TestIdentity extends TlsIdentity {
  /** What a reload from disk does. */
  replace(generation: TlsGeneration): void;
}

/** A generation as it is read from disk; it must fit the deployment's rules. */
export function toGeneration(
  authorities: string,
  leaf: TestLeaf,
  service: string,
  acceptsConnections = true,
): TlsGeneration {
  return parseTlsGeneration(
    { authorities, certificate: leaf.cert, key: leaf.key, keyMode: 0o600, sha256: '' },
    tlsFiles('memory', service),
    { service, trustDomain: 'aduana.local', acceptsConnections, now: Date.now() },
  );
}

/** A generation with a certificate that a decent service would not load, to play one that is not. */
export function toForgedGeneration(authorities: string, leaf: TestLeaf): TlsGeneration {
  return {
    secureContextOptions: () => ({ key: leaf.key, cert: leaf.cert, ca: authorities }),
    chain: leaf.chain,
    authorities: [],
    thumbprint: leaf.thumbprint,
    spiffeId: 'spiffe://aduana.local/forged',
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
  };
}

/** An identity that lives in memory. */
export function createTestIdentity(first: TlsGeneration): TestIdentity {
  const listeners = new Set<(generation: TlsGeneration) => void>();
  const state = { generation: first };
  return {
    current: () => state.generation,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    replace(generation) {
      state.generation = generation;
      for (const listener of listeners) listener(generation);
    },
    stop() {
      listeners.clear();
      return Promise.resolve();
    },
  };
}

/** A service's identity under a test CA. */
export async function issueTestIdentity(ca: TestCa, service: string): Promise<TestIdentity> {
  const pureClient = ['bff', 'actuator', 'operator', 'auditor'].includes(service);
  return createTestIdentity(toGeneration(ca.cert, await ca.issue(service), service, !pureClient));
}
