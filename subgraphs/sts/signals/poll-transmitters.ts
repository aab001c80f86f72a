import { resolve } from 'node:path';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { readUnverifiedClaims } from '@aduana/core/tokens/verify-signed-jwt';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import type { SharedSignals, TrustedIssuer } from '@aduana/server-kit/iam/policy';
import { recordRefusal, type SetError, toSetError } from './refuse-security-event.ts';
import { LONGEST_HOLD_MS, type SendPoll } from './send-poll.ts';
import type { TakeSecurityEvent } from './take-security-event.ts';

export interface PollingOptions {
  readonly policies: Pick<LivePolicies, 'current' | 'onChange'>;
  readonly take: TakeSecurityEvent;
  readonly send: SendPoll;
  readonly audit: AuditSink;
  readonly platform: Pick<Platform, 'clock' | 'log' | 'metrics'>;
}

/** Between requests that a transmitter does not hold. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Fetches the events of each transmitter that the policies in force say is polled (RFC 8936). */
export function keepPolling(options: PollingOptions): { stop(): Promise<void> } {
  const { policies } = options;
  const running = new Map<string, { readonly leave: AbortController; readonly ended: Promise<void> }>();
  const follow = (engine: Engine): void => {
    for (const [name, { leave }] of running)
      if (pollOf(engine, name) === undefined) {
        leave.abort(new Error('the transmitter is polled no more'));
        running.delete(name);
      }
    for (const name of engine.issuers.keys()) {
      if (pollOf(engine, name) === undefined || running.has(name)) continue;
      const leave = new AbortController();
      running.set(name, { leave, ended: pollForever(name, leave.signal, options) });
    }
  };
  follow(policies.current());
  const unfollow = policies.onChange(follow);
  return {
    async stop() {
      unfollow();
      const all = [...running.values()];
      running.clear();
      for (const { leave } of all) leave.abort(new Error('stopping'));
      await Promise.all(all.map(({ ended }) => ended));
    },
  };
}

interface Polled {
  readonly issuer: TrustedIssuer;
  readonly poll: NonNullable<SharedSignals['poll']>;
}

function pollOf({ issuers }: Engine, name: string): Polled | undefined {
  const issuer = issuers.get(name);
  const poll = issuer?.ssf?.poll;
  return issuer === undefined || poll === undefined ? undefined : { issuer, poll };
}

/** What the next request acknowledges and refuses of the last answer. */
interface Acknowledgement {
  readonly ack: string[];
  readonly setErrs: Map<string, SetError>;
}

async function pollForever(name: string, signal: AbortSignal, options: PollingOptions): Promise<void> {
  const { policies, send, platform } = options;
  const { clock, log } = platform;
  let acknowledgement: Acknowledgement = { ack: [], setErrs: new Map() };
  let failures = 0;
  while (!signal.aborted) {
    const polled = pollOf(policies.current(), name);
    if (polled === undefined) return;
    const { issuer, poll } = polled;
    try {
      const tokenFile = resolve(policies.current().sources.folder, poll.tokenFile);
      const request = { url: poll.url, ca: issuer.ca, tokenFile, ...acknowledgement };
      const answer = await within(signal, clock, (held) => send({ ...request, signal: held }));
      acknowledgement = { ack: [], setErrs: new Map() };
      const fresh = answer === undefined ? 0 : await takeAll(name, answer.sets, acknowledgement, options);
      failures = 0;
      if (fresh > 0) continue;
    } catch (error) {
      if (isAborted(signal)) return;
      failures += 1;
      log.warn('a transmitter could not be polled', { issuer: name, failures, error: describeError(error) });
    }
    const pause = Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** Math.max(0, failures - 1));
    await clock.sleep(failures === 0 ? PAUSE_MS : pause * jitter(0.3), signal).catch(() => undefined);
  }
}

/** Undefined where the transmitter held the request for as long as it may. */
async function within<Answer>(
  signal: AbortSignal,
  clock: PollingOptions['platform']['clock'],
  send: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer | undefined> {
  const hold = new AbortController();
  const timer = clock.after(LONGEST_HOLD_MS, () => {
    hold.abort(new Error('held for long enough'));
  });
  try {
    return await send(AbortSignal.any([signal, hold.signal]));
  } catch (error) {
    if (hold.signal.aborted && !signal.aborted) return undefined;
    throw error;
  } finally {
    timer.cancel();
  }
}

/**
 * Takes the tokens of an answer, and returns how many had not come before.
 *
 * @throws why one of them has to come again, once all have been tried
 */
async function takeAll(
  name: string,
  sets: ReadonlyMap<string, string>,
  acknowledgement: Acknowledgement,
  { take, audit, platform }: PollingOptions,
): Promise<number> {
  const counter = platform.metrics.counter('aduana_security_events_total');
  const passing: SecurityError[] = [];
  let fresh = 0;
  for (const [jti, text] of sets) {
    try {
      requireOwn(text, jti, name);
      const result = await take(text, 'poll', () => Promise.resolve(false));
      counter.inc({ delivery: 'poll', result });
      acknowledgement.ack.push(jti);
      if (result !== 'repeated') fresh += 1;
    } catch (failure) {
      const error = toSecurityError(failure);
      const refusal = toSetError(error);
      counter.inc({ delivery: 'poll', result: refusal === undefined ? 'failed' : 'refused' });
      if (refusal === undefined || !(await isRecorded(error, name, audit))) passing.push(error);
      else acknowledgement.setErrs.set(jti, refusal);
    }
  }
  const [first] = passing;
  if (first !== undefined) throw first;
  return fresh;
}

/** A transmitter speaks for itself alone, also where another one would be believed. */
function requireOwn(text: string, key: string, name: string): void {
  const { iss, jti } = readUnverifiedClaims(text);
  if (iss !== name)
    throw new SecurityError('invalid_issuer', { detail: 'not of the transmitter that was polled' });
  if (jti !== key) throw new SecurityError('invalid_request', { detail: 'the jti is another one' });
}

async function isRecorded(error: SecurityError, issuer: string, audit: AuditSink): Promise<boolean> {
  return recordRefusal(error, 'poll', { issuer }, audit).then(
    () => true,
    () => false,
  );
}

function isAborted({ aborted }: AbortSignal): boolean {
  return aborted;
}
