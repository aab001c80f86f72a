import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import type { CheckpointGuard } from './checkpoints/checkpoint-guard.ts';
import { beginEpoch, readRecovery } from './checkpoints/epoch.ts';
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

interface Approval {
  readonly service: string;
  readonly reason: string;
  readonly at: number;
}

const ACTION = 'audit:log:recover';
const BODY_LIMIT_BYTES = 8192;
const MAX_REASON_CHARACTERS = 1024;
/** The second of two approves within that time. */
const PATIENCE_MS = 600_000;

/**
 * `POST /audit/recover { reason }`: begins a new epoch of a log that has lost entries which it had signed, once two
 * different services with `audit:log:recover` have asked for it with the same reason.
 */
export function createRecoveryRoutes(options: RecoveryOptions): readonly Route[] {
  let first: Approval | undefined;

  async function approve(request: ServiceRequest): Promise<ServiceResponse> {
    const service = authorizePeer(request, ACTION, options);
    const reason = readReason((await request.body(BODY_LIMIT_BYTES)).toString('utf8'));
    const { guard: { last }, contradiction, clock } = options; // prettier-ignore
    const recovered = await readRecovery(options.secrets, { fresh: true });
    if (contradiction() === undefined || last === undefined)
      throw new SecurityError('CONFLICT', { detail: 'the log holds what it has signed: nothing is to be recovered' }); // prettier-ignore
    if (recovered !== undefined && recovered.lost_note === last.note)
      return answer({ epoch: recovered.epoch });
    const isSecond =
      first !== undefined &&
      first.service !== service &&
      first.reason === reason &&
      clock.monotonic() - first.at < PATIENCE_MS;
    if (!isSecond || first === undefined) {
      first = { service, reason, at: clock.monotonic() };
      return answer({ approved: service });
    }
    const epoch = (recovered?.epoch ?? 1) + 1;
    const kept = await findKept(options, last.size);
    await beginEpoch(options.secrets, {
      epoch,
      reason,
      approvers: [first.service, service],
      lost_note: last.note,
      ...kept,
    });
    first = undefined;
    return answer({ epoch });
  }
  return [{ method: 'POST', path: '/audit/recover', handle: approve }];
}

/** The newest signed tree that the database still has. */
async function findKept(
  { reader, tree, vkeys }: RecoveryOptions,
  below: number,
): Promise<{ readonly kept_note: string; readonly kept_size: number }> {
  const { rows } = await reader.query<{ note: string }>(
    'SELECT note FROM checkpoints WHERE size < $1 ORDER BY number DESC LIMIT 20',
    [below],
  );
  for (const { note } of rows) {
    const signed = openCheckpoint(note, vkeys());
    if (signed !== undefined && (await tree.root(signed.size)).equals(signed.root))
      return { kept_note: note, kept_size: signed.size };
  }
  return { kept_note: '', kept_size: 0 };
}

function readReason(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
  const { reason } = isObject(body) ? body : {};
  if (typeof reason !== 'string' || reason === '' || reason.length > MAX_REASON_CHARACTERS)
    throw new SecurityError('BAD_REQUEST', { detail: 'a reason is wanted' });
  return reason;
}

function answer(value: object): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  };
}
