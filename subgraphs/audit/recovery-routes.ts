import { LONGEST_NOTE } from '@aduana/server-kit/audit/checkpoint';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import type { CheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import { beginEpoch, readRecovery } from './checkpoints/epoch.ts';
import { signedAmong } from './checkpoints/read-head.ts';
import { MissingHashError } from './checkpoints/tile-store.ts';
import type { TreeReader } from './checkpoints/tree-reader.ts';
import { isObject } from './log/parse-events.ts';
import { authorizePeer, type PeerAuthority } from './reading/authorize-peer.ts';

export interface RecoveryOptions extends PeerAuthority {
  readonly reader: Database;
  readonly secrets: SecretProvider;
  readonly tree: Pick<TreeReader, 'root'>;
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly vkeys: () => readonly string[];
  readonly contradiction: () => string | undefined;
}

interface Kept {
  readonly kept_note: string;
  readonly kept_size: number;
}

interface Approval {
  readonly service: string;
  readonly reason: string;
  readonly at: number;
  readonly kept: Kept;
}

interface Asked {
  readonly reason: string;
  /** Whether the log may begin anew although no signed tree is left of it. */
  readonly keepsNothing: boolean;
}

const ACTION = 'audit:log:recover';
const BODY_LIMIT_BYTES = 8192;
const MAX_REASON_CHARACTERS = 1024;
/** The second of two approves within that time. */
const PATIENCE_MS = 600_000;

/** Stored notes that are looked at in one step. */
const NOTES_AT_ONCE = 100;

/**
 * `POST /audit/recover { reason, keep_nothing? }`: begins a new epoch of a log that has lost entries which it had signed, once two
 * different services with `audit:log:recover` have asked for it with the same reason. Each is told of how many signed entries
 * how many are kept, and both must have seen the same. Where none are, they must say that they want that.
 */
export function createRecoveryRoutes(options: RecoveryOptions): readonly Route[] {
  let first: Approval | undefined;

  async function approve(request: ServiceRequest): Promise<ServiceResponse> {
    const service = authorizePeer(request, ACTION, options);
    const { reason, keepsNothing } = readAsked((await request.body(BODY_LIMIT_BYTES)).toString('utf8'));
    const { guard: { last }, contradiction, clock } = options; // prettier-ignore
    const recovered = await readRecovery(options.secrets, { fresh: true });
    if (contradiction() === undefined || last === undefined)
      throw new SecurityError('CONFLICT', { detail: 'the log holds what it has signed: nothing is to be recovered' }); // prettier-ignore
    if (recovered !== undefined && recovered.lost_note === last.note)
      return answer({ epoch: recovered.epoch });
    const kept = await findKept(options, last.size);
    const sizes = { lost_size: last.size, kept_size: kept.kept_size };
    if (kept.kept_size === 0 && last.size > 0 && !keepsNothing)
      throw new SecurityError('BAD_REQUEST', { detail: 'no signed tree is left to keep: that must be asked for' }); // prettier-ignore
    const isSecond =
      first !== undefined &&
      first.service !== service &&
      first.reason === reason &&
      first.kept.kept_note === kept.kept_note &&
      clock.monotonic() - first.at < PATIENCE_MS;
    if (!isSecond || first === undefined) {
      first = { service, reason, at: clock.monotonic(), kept };
      return answer({ approved: service, ...sizes });
    }
    const epoch = (recovered?.epoch ?? 1) + 1;
    await beginEpoch(options.secrets, {
      epoch,
      reason,
      approvers: [first.service, service],
      lost_note: last.note,
      ...kept,
    });
    first = undefined;
    return answer({ epoch, ...sizes });
  }
  return [{ method: 'POST', path: '/audit/recover', handle: approve }];
}

/** The largest signed tree that the database still has, below the one that was lost, however many rows between are not signed. */
async function findKept({ reader, tree, vkeys }: RecoveryOptions, lost: number): Promise<Kept> {
  for (let below = { size: lost, number: 0 }; ;) {
    const { rows } = await reader.query<{ size: number; number: number; note: string }>(
      `SELECT size, number, note FROM checkpoints WHERE (size, number) < ($1, $2) AND length(note) <= $3
       ORDER BY size DESC, number DESC LIMIT $4`,
      [below.size, below.number, LONGEST_NOTE, NOTES_AT_ONCE],
    );
    for (const { size, root, note } of signedAmong(rows, vkeys()))
      if (size < lost && (await rootOf(tree, size))?.equals(root) === true)
        return { kept_note: note, kept_size: size };
    const last = rows.at(-1);
    if (last === undefined || rows.length < NOTES_AT_ONCE) return { kept_note: '', kept_size: 0 };
    below = last;
  }
}

/** Undefined where entries of the tree are gone. */
async function rootOf(tree: RecoveryOptions['tree'], size: number): Promise<Buffer | undefined> {
  try {
    return await tree.root(size);
  } catch (error) {
    if (error instanceof MissingHashError) return undefined;
    throw error;
  }
}

function readAsked(text: string): Asked {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
  const { reason, keep_nothing: keepsNothing = false } = isObject(body) ? body : {};
  if (typeof reason !== 'string' || reason === '' || reason.length > MAX_REASON_CHARACTERS)
    throw new SecurityError('BAD_REQUEST', { detail: 'a reason is wanted' });
  if (typeof keepsNothing !== 'boolean')
    throw new SecurityError('BAD_REQUEST', { detail: 'keep_nothing is true or false' });
  return { reason, keepsNothing };
}

function answer(value: object): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}
