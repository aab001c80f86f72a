import { SecurityError } from '@aduana/core/errors/security-error';
import type { SecurePeer, SecureResponse } from '@aduana/core/mtls-client/secure-peer';
import { describeError } from '@aduana/core/platform/log';
import type { TraceContext } from '@aduana/core/platform/tracer';
import type { Secret } from '@aduana/core/secrets/secret';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import { type AuditClient, type AuditClientOptions, createAuditClient } from './audit-client.ts';
import { createNoSpool } from './no-spool.ts';
import { createReplicatedSpool, type HandOver } from './replicated-spool.ts';
import { openSpool, type SpoolQueue } from './spool.ts';
import { openSpoolBoots } from './spool-boots.ts';

/** Where events are sent, and where they wait. */
export interface OpenAuditClientOptions {
  /** The audit service, such as `client.peer({ origin, spiffeId, failureCode: 'AUDIT_UNAVAILABLE' })`. */
  readonly peer: SecurePeer;
  /** An access token for the audience `audit`. */
  readonly token: () => Promise<Secret>;
  /** Which replica of the service this is; the same after a restart. */
  readonly instance: string;
  /** The files in which events wait while the audit service is away, and their size in bytes; `off`: there are none. */
  readonly spool:
    | 'off'
    | {
        readonly folder: string;
        /** 32 bytes that authenticate the records; keep them elsewhere than in the folder. */
        readonly key: Uint8Array;
        readonly maxBytes: number;
        /**
         * The audit service once more, over one connection, so that one replica gets all of it: an event is durable only
         * once it lies on that replica's disk too. Absent: the disk of this machine is enough.
         */
        readonly copies?: SecurePeer;
      };
  /**
   * What `record` does with an event that can be stored nowhere: `fail_closed` rejects with `AUDIT_UNAVAILABLE`;
   * `fail_open` resolves, and the loss is recorded as an `audit.gap` later.
   */
  readonly mode: AuditClientOptions['mode'];
  readonly platform: AuditClientOptions['platform'];
}

/** A client of the audit log with its spool on disk. */
export interface OpenAuditClient {
  readonly audit: AuditClient;
  /** Records the stop, sends what it can, leaves the rest in the spool. */
  close(): Promise<void>;
}

const CALL_TIMEOUT_MS = 3_000;
const ANSWER_BYTES = 262_144;

/**
 * Opens a client of the audit log. It records the start of this service in the background, so the audit service need not be
 * there yet.
 *
 * @throws Error where the folder of the spool cannot be used
 * @example
 * const { audit, close } = await openAuditClient({
 *   peer: client.peer({
 *     origin: 'https://localhost:8012',
 *     spiffeId: 'spiffe://aduana.local/audit',
 *     failureCode: 'AUDIT_UNAVAILABLE',
 *   }),
 *   token: () => client.sts.ownToken('audit'),
 *   instance: 'orders-1',
 *   spool: { folder: 'spool', key, maxBytes: 100_000_000 },
 *   mode: 'fail_closed',
 *   platform: { clock: createSystemClock(), log },
 * });
 * const id = await audit.record({ type: 'app.order', class_uid: 6003, outcome: 'ALLOWED', actor });
 */
export async function openAuditClient(options: OpenAuditClientOptions): Promise<OpenAuditClient> {
  const { peer, instance, mode, platform } = options;
  const spool = await openQueue(options);
  const audit = createAuditClient({
    instance,
    spool,
    ...(options.spool === 'off' ? {} : { boots: openSpoolBoots(options.spool.folder) }),
    mode,
    platform,
    async post(body, signal, trace) {
      const answer = await post(options, peer, '/audit/events', body, signal, trace);
      if (answer.status >= 300) throw refusal(answer.status, answer.body);
    },
  });
  audit.start().catch((error: unknown) => {
    platform.log.error('the start of this service could not be recorded', { error: describeError(error) });
  });
  return {
    audit,
    async close() {
      await audit.stop();
      await spool.close();
    },
  };
}

async function openQueue(options: OpenAuditClientOptions): Promise<SpoolQueue> {
  const { spool, platform } = options;
  if (spool === 'off') return createNoSpool();
  const local = await openSpool({ ...spool, log: platform.log });
  const { copies } = spool;
  if (copies === undefined) return local;
  const handOver: HandOver = async (body, signal) => {
    const { status } = await post(options, copies, '/audit/held-events', body, signal);
    return status < 300;
  };
  return createReplicatedSpool(local, handOver, platform.clock);
}

async function post(
  { token }: Pick<OpenAuditClientOptions, 'token'>,
  peer: SecurePeer,
  path: string,
  body: string,
  signal: AbortSignal,
  trace?: TraceContext,
): Promise<SecureResponse> {
  const held = await token();
  return peer.request({
    method: 'POST',
    path,
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${held.reveal()}`,
      ...(trace === undefined ? {} : { traceparent: formatTraceparent(trace) }),
    },
    body,
    timeoutMilliseconds: CALL_TIMEOUT_MS,
    maxResponseBytes: ANSWER_BYTES,
    signal,
  });
}

/** 400, 409, 413, 415 and 422 condemn what was sent; all else is worth another try. */
function refusal(status: number, body: Buffer): SecurityError {
  const detail = `the audit log answered ${String(status)}: ${body.toString('utf8').slice(0, 200)}`;
  if (status === 409) return new SecurityError('AUDIT_CONFLICT', { detail });
  if (status === 413) return new SecurityError('PAYLOAD_TOO_LARGE', { detail });
  if (status === 415) return new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail });
  return new SecurityError(status === 400 || status === 422 ? 'BAD_REQUEST' : 'AUDIT_UNAVAILABLE', {
    detail,
  });
}
