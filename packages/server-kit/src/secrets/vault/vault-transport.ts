import { types } from 'node:util';
import { Pool } from 'undici';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { jitter } from '@aduana/core/platform/ids';

const ATTEMPTS = 3;
const FIRST_PAUSE_MILLISECONDS = 100;
const ATTEMPT_MILLISECONDS = 1500;
/** Of a whole answer: its parts may come in time, one by one, without end. */
const ANSWER_MILLISECONDS = 2 * ATTEMPT_MILLISECONDS;
const LARGEST_ANSWER_BYTES = 1_048_576;
/** The request has not been carried out: sealed or standby (503), too early for this replica (412), over a quota (429). */
const NOT_CARRIED_OUT: ReadonlySet<number> = new Set([412, 429, 503]);

export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly token?: string;
}

export interface VaultAnswer {
  readonly status: number;
  readonly body: {
    readonly data?: Readonly<Record<string, unknown>> | null;
    readonly auth?: Readonly<Record<string, unknown>> | null;
    readonly errors?: readonly string[];
  };
}

/** Vault's HTTP API (also OpenBao's), with bounded waits and retries that double their pause. */
export interface VaultTransport {
  /** @throws SecurityError `SECRET_PROVIDER_UNAVAILABLE` when there is no answer, or one that says so */
  send(request: VaultRequest): Promise<VaultAnswer>;
  close(): Promise<void>;
}

export interface VaultTransportOptions {
  readonly address: string;
  readonly namespace?: string | undefined;
  /** PEM of the CA that vouches for the server; without it, the system's. */
  readonly authorities?: string | undefined;
  readonly clock: Clock;
}

export function createVaultTransport(options: VaultTransportOptions): VaultTransport {
  const { address, namespace, authorities, clock } = options;
  const base = new URL(address);
  const prefix = `${base.pathname.replace(/\/$/, '')}/v1/`;
  const pool = new Pool(base.origin, {
    connections: 16,
    connectTimeout: ATTEMPT_MILLISECONDS,
    headersTimeout: ATTEMPT_MILLISECONDS,
    bodyTimeout: ATTEMPT_MILLISECONDS,
    maxResponseSize: LARGEST_ANSWER_BYTES,
    ...(authorities === undefined ? {} : { connect: { ca: authorities, timeout: ATTEMPT_MILLISECONDS } }),
  });

  async function attempt({ method, path, body, token }: VaultRequest): Promise<VaultAnswer> {
    const answer = await pool.request({
      method,
      path: prefix + path,
      headers: {
        'x-vault-request': 'true',
        ...(token === undefined ? {} : { 'x-vault-token': token }),
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      body: text === '' ? {} : (JSON.parse(text) as VaultAnswer['body']),
    };
  }

  return {
    async send(request) {
      for (let count = 1; ; count += 1) {
        const outcome = await attempt(request).catch((error: unknown) => toOutage(error));
        const failure = outcome instanceof SecurityError ? outcome : failureOf(outcome);
        if (failure === undefined) return outcome as VaultAnswer;
        if (count === ATTEMPTS || !mayRepeat(request, outcome)) throw failure;
        await clock.sleep(FIRST_PAUSE_MILLISECONDS * 2 ** (count - 1) * jitter(0.3));
      }
    },
    close: () => (pool.closed ? Promise.resolve() : pool.close()),
  };
}

function failureOf({ status }: VaultAnswer): SecurityError | undefined {
  if (status < 500 && !NOT_CARRIED_OUT.has(status)) return undefined;
  const detail = status === 503 ? 'Vault is sealed or standing by' : `Vault answered ${String(status)}`;
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail });
}

/** A write whose answer was lost may have been carried out: only the caller can find out. */
function mayRepeat(request: VaultRequest, outcome: VaultAnswer | SecurityError): boolean {
  if (request.method === 'GET') return true;
  if (outcome instanceof SecurityError) return outcome.detail?.includes('ECONNREFUSED') === true;
  return NOT_CARRIED_OUT.has(outcome.status);
}

function toOutage(error: unknown): SecurityError {
  const code: unknown = types.isNativeError(error) ? (error as NodeJS.ErrnoException).code : undefined;
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
    detail: `Vault cannot be reached (${typeof code === 'string' ? code : 'no valid answer'})`,
    cause: error,
  });
}
