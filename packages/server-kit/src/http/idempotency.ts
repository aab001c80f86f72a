import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256Hex } from '@aduana/core/platform/digest';
import type { Queryable } from '../store/database.ts';

export interface IdempotentRequest {
  readonly operation: string;
  /** What the caller chose; absent: the work is done each time. */
  readonly key: string | undefined;
  /** What the key was used for: the same key with other parameters is refused. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly now: number;
}

const LONGEST_KEY = 256;
/** What no text column holds, or holds as something else: U+0000, and surrogates without their other half. */
const UNKEPT = /[\0\p{Surrogate}]/u;

/**
 * Does the work once per key and answers every repetition with the first result, which must be JSON and no secret.
 * The schema needs `idempotency (operation, key, fingerprint, result, at)`, its primary key on the first two.
 *
 * @param transaction the one that the work writes in, under a lock of the operation
 * @throws SecurityError `CONFLICT` for a key that was used with other parameters
 */
export async function runOnce<Result>(
  transaction: Queryable,
  { operation, key, parameters, now }: IdempotentRequest,
  work: () => Promise<Result>,
): Promise<Result> {
  if (key === undefined) return work();
  if (key === '' || key.length > LONGEST_KEY || UNKEPT.test(key))
    throw new SecurityError('BAD_REQUEST', { detail: 'the idempotency key is empty, too long or no text' });
  const fingerprint = sha256Hex(
    JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  const { rows } = await transaction.query<{ fingerprint: string; result: string }>(
    'SELECT fingerprint, result FROM idempotency WHERE operation = $1 AND key = $2',
    [operation, key],
  );
  const [known] = rows;
  if (known !== undefined) {
    if (known.fingerprint !== fingerprint)
      throw new SecurityError('CONFLICT', { detail: 'the idempotency key was used with other parameters' });
    return JSON.parse(known.result) as Result;
  }
  const result = await work();
  await transaction.query(
    'INSERT INTO idempotency (operation, key, fingerprint, result, at) VALUES ($1, $2, $3, $4, $5)',
    [operation, key, fingerprint, JSON.stringify(result), now],
  );
  return result;
}
