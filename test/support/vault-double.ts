import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createTestCa, type TestCa } from './test-ca.ts';
import { createTransitDouble } from './vault-transit-double.ts';
import {
  type Answer,
  authOf,
  type Body,
  type Call,
  type Handler,
  type KvEntry,
  envelope,
  find,
  kvMetadata,
  listOf,
  readCall,
  readKv,
} from './vault-wire.ts';

/** A server that speaks the parts of Vault's HTTP API that the deployment uses, with a clock and faults in a test's hands. */
export interface VaultDouble {
  readonly address: string;
  readonly rootToken: string;
  readonly roleId: string;
  readonly secretId: string;
  /** How often each method and path was asked. */
  readonly requests: string[];
  /** A wrapping token that holds the secret_id, for one use. */
  wrapSecretId(): string;
  /** Moves the server's time on. */
  advance(seconds: number): void;
  seal(): void;
  /** From now on requests are taken and not answered; `unseal` ends it. */
  hang(): void;
  unseal(): void;
  /** From now on paths that match are refused to every token but root. */
  forbid(path: RegExp): void;
  revokeTokens(): void;
  close(): Promise<void>;
}

export interface VaultDoubleOptions {
  readonly tokenTtlSeconds?: number;
  readonly tokenMaxTtlSeconds?: number;
  readonly namespace?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Token {
  readonly createdAt: number;
  readonly maxTtl: number;
  readonly ttl: number;
  expiresAt: number;
}

export async function startVaultDouble(options: VaultDoubleOptions = {}): Promise<VaultDouble> {
  const { tokenTtlSeconds = 3600, tokenMaxTtlSeconds = 14_400 } = options;
  const state = { skew: 0, sealed: false, hanging: false, forbidden: undefined as RegExp | undefined };
  const now = (): number => Math.floor(Date.now() / 1000) + state.skew;
  const rootToken = `root-${randomUUID()}`;
  const roleId = randomUUID();
  const secretId = randomUUID();
  const requests: string[] = [];
  const tokens = new Map<string, Token>();
  const wraps = new Map<string, Body>();
  const kv = new Map<string, KvEntry>();
  const transit = createTransitDouble();
  let pki: Promise<TestCa> | undefined;

  const ok = (data: Body): Answer => ({ status: 200, body: envelope({ data }) });
  const fail = (status: number, ...errors: string[]): Answer => ({ status, body: { errors } });

  function issueToken(): Body {
    const id = `hvs.${randomUUID()}`;
    tokens.set(id, {
      createdAt: now(),
      ttl: tokenTtlSeconds,
      maxTtl: tokenMaxTtlSeconds,
      expiresAt: now() + tokenTtlSeconds,
    });
    return authOf(id, tokenTtlSeconds);
  }

  function isAllowed({ token, path }: Call): boolean {
    if (token === rootToken) return true;
    const known = tokens.get(token);
    return known !== undefined && known.expiresAt > now() && state.forbidden?.test(path) !== true;
  }

  const open: [string, RegExp, Handler][] = [
    ['POST', /^auth\/approle\/login$/, ({ body }) =>
      body['role_id'] === roleId && body['secret_id'] === secretId
        ? { status: 200, body: envelope({ auth: issueToken() }) }
        : fail(400, 'invalid role or secret ID')],
    ['GET', /^sys\/health$/, () => ({ status: state.sealed ? 503 : 200, body: { initialized: true, sealed: state.sealed, standby: false, version: '1.20.0' } })],
    ['GET', /^sys\/seal-status$/, () => ({ status: 200, body: { sealed: state.sealed, initialized: true, t: 1, n: 1, version: '1.20.0' } })],
    ['POST', /^sys\/wrapping\/unwrap$/, ({ token, body }) => {
      const wrapping = typeof body['token'] === 'string' ? body['token'] : token;
      const data = wraps.get(wrapping);
      wraps.delete(wrapping);
      return data === undefined ? fail(400, 'wrapping token is not valid or does not exist') : ok(data);
    }],
  ]; // prettier-ignore

  const guarded: [string, RegExp, Handler][] = [
    ['GET', /^auth\/token\/lookup-self$/, ({ token }) => {
      const { expiresAt = 0, ttl = 0 } = tokens.get(token) ?? {};
      const isRoot = token === rootToken;
      return ok({ id: token, ttl: isRoot ? 0 : expiresAt - now(), creation_ttl: ttl, renewable: !isRoot, policies: ['aduana'] });
    }],
    ['POST', /^auth\/token\/renew-self$/, ({ token }) => {
      const known = tokens.get(token);
      if (known === undefined) return fail(400, 'lease is not renewable');
      known.expiresAt = Math.min(now() + known.ttl, known.createdAt + known.maxTtl);
      return { status: 200, body: envelope({ auth: authOf(token, known.expiresAt - now()) }) };
    }],
    ['GET', /^secret\/data\/(.+)$/, (_call, [, path = '']) => readKv(kv.get(path), fail, ok)],
    ['POST', /^secret\/data\/(.+)$/, ({ body }, [, path = '']) => writeKv(path, body)],
    ['DELETE', /^secret\/data\/(.+)$/, (_call, [, path = '']) => {
      const last = kv.get(path)?.versions.at(-1);
      if (last !== undefined) last.deletedAt = now();
      return { status: 204 };
    }],
    ['GET', /^secret\/metadata\/(.+)$/, (_call, [, path = '']) => {
      const entry = kv.get(path);
      return entry === undefined ? fail(404) : ok({ current_version: entry.versions.length });
    }],
    ['POST', /^sys\/capabilities-self$/, (call) => {
      const paths = (call.body['paths'] as string[] | undefined) ?? [];
      return ok(Object.fromEntries(paths.map((path) => [path, isAllowed({ ...call, path }) ? ['create', 'read', 'update'] : ['deny']])));
    }],
    ['POST', /^pki\/issue\/([^/]+)$/, ({ body }) => issueCertificate(body)],
  ]; // prettier-ignore

  function writeKv(path: string, body: Body): Answer {
    const entry = kv.get(path) ?? { versions: [] };
    const cas = (body['options'] as Body | undefined)?.['cas'];
    if (cas !== undefined && cas !== entry.versions.length)
      return fail(400, 'check-and-set parameter did not match the current version');
    entry.versions.push({ data: body['data'] as Body, createdAt: now(), deletedAt: undefined });
    kv.set(path, entry);
    return ok(kvMetadata(entry));
  }

  async function issueCertificate(body: Body): Promise<Answer> {
    const ca = await (pki ??= createTestCa({ name: 'Vault PKI' }));
    const leaf = await ca.issue(String(body['common_name']), {
      uris: listOf(body['uri_sans']),
      dns: listOf(body['alt_names']),
    }); // prettier-ignore
    return ok({
      certificate: leaf.cert.trim(),
      issuing_ca: ca.cert.trim(),
      ca_chain: [ca.cert.trim()],
      private_key: leaf.key.trim(),
      private_key_type: 'ec',
      serial_number: '01',
    });
  }

  function callTransit({ method, path, body }: Call): Answer | undefined {
    const below = path.startsWith('transit/')
      ? transit(method, path.slice('transit/'.length), body)
      : undefined;
    return below?.body?.['data'] === undefined ? below : { ...below, body: envelope(below.body) };
  }

  async function answer(message: IncomingMessage): Promise<Answer> {
    const call = await readCall(message);
    requests.push(`${call.method} ${call.path}`);
    const always = /^sys\/(health|seal-status)$/.test(call.path);
    if (state.sealed && !always) return fail(503, 'Vault is sealed');
    if ((message.headers['x-vault-namespace'] ?? '') !== (options.namespace ?? '') && !always)
      return fail(404, 'no handler for route. route entry not found.');
    const publicAnswer = find(open, call);
    if (publicAnswer !== undefined) return publicAnswer;
    if (!isAllowed(call)) return fail(403, 'permission denied');
    return (
      find(guarded, call) ??
      callTransit(call) ??
      fail(404, `no handler for route "${call.path}". route entry not found.`)
    );
  }

  const listener: RequestListener = (message, response) => {
    void answer(message).then(({ status, body }) => {
      if (state.hanging) return;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    address: `${scheme}://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    rootToken,
    roleId,
    secretId,
    requests,
    wrapSecretId() {
      const token = `hvs.wrap-${randomUUID()}`;
      wraps.set(token, { secret_id: secretId, secret_id_ttl: 0 });
      return token;
    },
    advance: (seconds) => void (state.skew += seconds),
    seal: () => void (state.sealed = true),
    unseal: () => void (state.sealed = state.hanging = false),
    hang: () => void (state.hanging = true),
    forbid: (path) => void (state.forbidden = path),
    revokeTokens: () => { tokens.clear(); }, // prettier-ignore
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
