import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceResponse } from '@aduana/core/http/route';
import type { Proofs } from '../reading/proofs.ts';

/** What any auditor may read without credentials: the last signed checkpoint, the key to verify it with, and what a witness cosigned. */
export function createCheckpointRoutes({
  proofs,
  vkey,
  witnessed,
}: {
  readonly proofs: Proofs;
  readonly vkey: () => string;
  readonly witnessed: () => string | undefined;
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
      handle() {
        const note = witnessed();
        return note === undefined
          ? Promise.reject(new SecurityError('NOT_FOUND'))
          : Promise.resolve(text(note));
      },
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
