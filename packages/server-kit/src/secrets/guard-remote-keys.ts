import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock, Timer } from '@aduana/core/platform/clock';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { RemoteKeys } from './remote-keys.ts';

/** Less than what a caller of the STS waits. */
const SIGN_MILLISECONDS = 2000;
/** A rotation has to look, make a key and look again. */
const CREATE_MILLISECONDS = 4000;
const PROBE_MILLISECONDS = 1000;
const PROBE = Buffer.from('aduana asks whether this key can sign');

export interface GuardedRemoteKeys extends RemoteKeys {
  /** False from a failed signature on, until a key signs again. */
  readonly answers: boolean;
}

type SignRequest = Parameters<RemoteKeys['sign']>;

/**
 * Keys whose keeper may fail: each call has a deadline, and after a failed signature the others are refused at once
 * while one probe at a time finds out when there are signatures again. Whatever prevents one is an outage.
 */
export function guardRemoteKeys(
  keys: RemoteKeys,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): GuardedRemoteKeys {
  const state: { away?: SecurityError | undefined; probe?: Timer; asked?: SignRequest } = {};

  async function trySign(...request: SignRequest): Promise<Buffer> {
    try {
      const twice = keys.sign(...request).catch(() => keys.sign(...request));
      return await within(SIGN_MILLISECONDS, twice, clock);
    } catch (error) {
      throw toOutage(error);
    }
  }

  function probeLater(): void {
    state.probe = clock.after(PROBE_MILLISECONDS * jitter(0.2), () => {
      if (state.asked === undefined) return;
      const [algorithm, reference] = state.asked; // what was asked for last: an older key may have been ended
      trySign(algorithm, reference, PROBE).then(() => {
        state.away = undefined;
        log.info('signing keys can be used again', { held_in: keys.kind });
      }, probeLater);
    });
  }

  function noteOutage(error: SecurityError): void {
    if (state.away !== undefined) return;
    state.away = error;
    log.error('signing keys cannot be used', { held_in: keys.kind, error: describeError(error) });
    probeLater();
  }

  return {
    ...keys,
    get answers() {
      return state.away === undefined;
    },
    create: (...request) => within(CREATE_MILLISECONDS, keys.create(...request), clock),
    async sign(...request) {
      state.asked = request;
      if (state.away !== undefined) throw state.away;
      return trySign(...request).catch((error: unknown) => {
        noteOutage(error as SecurityError);
        throw error;
      });
    },
    close() {
      delete state.asked;
      state.probe?.cancel();
      return keys.close();
    },
  };
}

async function within<Result>(milliseconds: number, call: Promise<Result>, clock: Clock): Promise<Result> {
  const answered = new AbortController();
  const deadline = clock.sleep(milliseconds, answered.signal).then(() => {
    throw outage('there was no answer in time');
  });
  deadline.catch(() => undefined);
  try {
    return await Promise.race([call, deadline]);
  } finally {
    answered.abort();
  }
}

/** Nobody who asks for a token may learn of it otherwise than of a service that is away. */
function toOutage(error: unknown): SecurityError {
  if (!(error instanceof SecurityError)) return outage('the key cannot be used', error);
  return error.code === 'SECRET_PROVIDER_UNAVAILABLE' ? error : outage(error.detail ?? error.message, error);
}

function outage(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail, cause });
}
