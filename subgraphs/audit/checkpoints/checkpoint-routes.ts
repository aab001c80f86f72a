import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceResponse } from '@aduana/core/http/route';
import type { StoredTimestamps } from './stored-timestamps.ts';
import type { MinimumIndex } from './minimum-index.ts';
import type { Proofs } from './proofs.ts';

/**
 * What any auditor may read without credentials: the last signed checkpoint, the key to verify it with, what a witness
 * cosigned, the last note that bears a time stamp and that stamp, and below which index entries are dropped.
 */
export function createCheckpointRoutes({
  proofs,
  vkey,
  witnessed,
  minimumIndex,
  timestamps,
}: {
  readonly proofs: Proofs;
  readonly vkey: () => string;
  readonly witnessed: () => string | undefined;
  readonly minimumIndex: Pick<MinimumIndex, 'note'>;
  readonly timestamps: Pick<StoredTimestamps, 'last'>;
}): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/audit/checkpoint',
      handle: async () => text((await proofs.checkpoint()).note),
    },
    { method: 'GET', path: '/audit/vkey', handle: () => Promise.resolve(text(`${vkey()}\n`)) },
    {
      method: 'GET',
      path: '/audit/checkpoint/witnessed',
      handle: async () => Promise.resolve(textOrNothing(witnessed())),
    },
    {
      method: 'GET',
      path: '/audit/checkpoint/timestamped',
      handle: async () => textOrNothing((await timestamps.last())?.note),
    },
    {
      method: 'GET',
      path: '/audit/checkpoint/timestamp',
      async handle() {
        const last = await timestamps.last();
        if (last === undefined) throw new SecurityError('NOT_FOUND');
        const headers = { 'content-type': 'application/timestamp-reply', 'cache-control': 'no-cache' };
        return { status: 200, headers, body: last.response };
      },
    },
    {
      method: 'GET',
      path: '/audit/minimum-index',
      handle: async () => textOrNothing(await minimumIndex.note()),
    },
  ];
}

function text(body: string): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
    body,
  };
}

/** @throws SecurityError `NOT_FOUND` */
function textOrNothing(body: string | undefined): ServiceResponse {
  if (body === undefined) throw new SecurityError('NOT_FOUND');
  return text(body);
}
