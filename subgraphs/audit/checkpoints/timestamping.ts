import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import { validityProblem } from '@aduana/core/mtls/leaf-problem';
import { pathProblem } from '@aduana/core/mtls/verify-certificate-chain';
import { sha256 } from '@aduana/core/platform/digest';
import { every } from '@aduana/core/platform/every';
import { random } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { AuditSettings } from '../config.ts';
import { callAttester } from './call-attester.ts';
import type { CheckpointGuard } from './checkpoint-guard.ts';
import type { StoredTimestamps } from './stored-timestamps.ts';

export interface Timestamping {
  /** Has the last checkpoint stamped now, unless it was. @throws Error when the authority does not answer, or not as it must */
  stamp(): Promise<void>;
  stop(): Promise<void>;
}

export interface TimestampingParts extends Platform, ServiceStore {
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly timestamps: StoredTimestamps;
}

const NONCE_BYTES = 16;
/** A stamp of another time would be believed, and put off the next one. */
const MOST_MINUTES_APART = 5;
/** How often it is looked at whether a stamp is due. */
const PAUSE_MS = 30_000;

/**
 * Has an authority vouch for the time of a checkpoint (RFC 3161), where one is configured: one in each interval, which
 * replicas share, and never on the way of a request.
 *
 * Replicas that look in the same moment both ask. That costs one request: both stamps are true and are kept, and the
 * later one is shown. The lock by which one at a time signs is a transaction's, and would keep the database for as long
 * as the authority takes to answer; all of it, where it is embedded.
 */
export async function startTimestamping(
  settings: AuditSettings,
  { clock, log, metrics, guard, timestamps }: TimestampingParts,
): Promise<Timestamping | undefined> {
  const { AUDIT_TIMESTAMP_URL: url, AUDIT_TIMESTAMP_INTERVAL: interval } = settings;
  if (url === 'off') return undefined;
  const { createTimestampRequest, verifyTimestamp } =
    await import('@aduana/server-kit/audit/timestamp-token');
  const authorities = await readAuthorities(settings.AUDIT_TIMESTAMP_CA);
  const stopping = new AbortController();
  const stamps = metrics.counter('aduana_audit_timestamps_total');

  async function stamp(): Promise<void> {
    const { last } = guard;
    const newest = await timestamps.last();
    if (last === undefined || newest?.note === last.note) return;
    try {
      const nonce = random(NONCE_BYTES);
      const digest = sha256(last.note);
      const response = await post(url, createTimestampRequest(digest, nonce), stopping.signal);
      const now = clock.now();
      const stampedAt = verifyTimestamp(response, {
        ...{ digest, nonce },
        distrust: (signer, above) =>
          validityProblem(signer, now) ?? pathProblem(signer, above, { authorities, now }),
      });
      if (Math.abs(stampedAt - now) > MOST_MINUTES_APART * 60_000)
        throw new Error(`the authority's time is over ${String(MOST_MINUTES_APART)} minutes from ours`);
      await timestamps.keep({ ...last, response, stampedAt });
      stamps.inc({ outcome: 'granted' });
    } catch (error) {
      stamps.inc({ outcome: 'failed' });
      throw error;
    }
  }

  const loop = every(
    clock,
    () => PAUSE_MS,
    async () => {
      const newest = await timestamps.last();
      if (newest === undefined || clock.now() - newest.stampedAt >= interval) await stamp();
    },
    (error) => {
      log.warn('no time stamp for the last checkpoint', { error: describeError(error) });
    },
  );
  loop.wake();
  return {
    stamp,
    async stop() {
      stopping.abort();
      await loop.stop();
    },
  };
}

/** RFC 3161 section 3.4. */
async function post(url: string, query: Buffer, stop: AbortSignal): Promise<Buffer> {
  const headers = { 'content-type': 'application/timestamp-query' };
  const { status, body } = await callAttester({ url, headers, body: query, stop });
  if (status !== 200) throw new Error(`the time stamp authority answered ${String(status)}`);
  return body;
}

/** @throws ConfigurationError */
async function readAuthorities(file: string | undefined): Promise<readonly Buffer[]> {
  const subject = 'AUDIT_TIMESTAMP_CA';
  const remedy = 'Set it to a PEM file of the CA that issued the certificate of the time stamp authority';
  if (file === undefined)
    throw new ConfigurationError([{ subject, problem: 'is missing beside AUDIT_TIMESTAMP_URL', remedy }]);
  try {
    const pem = await readFile(file, 'utf8');
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length === 0) throw new TypeError('no certificate');
    return blocks.map((block) => new X509Certificate(block).raw);
  } catch {
    throw new ConfigurationError([
      { subject, problem: `${file} holds no certificate that can be read`, remedy },
    ]);
  }
}
