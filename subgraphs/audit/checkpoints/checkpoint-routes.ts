import type { Route, ServiceResponse } from '@aduana/core/http/route';
import type { Proofs } from '../reading/proofs.ts';

/** What any auditor may read without credentials: the last signed checkpoint, and the key to verify it with. */
export function createCheckpointRoutes(proofs: Proofs, vkey: string): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/audit/checkpoint',
      handle: async () => text((await proofs.checkpoint()).note),
    },
    { method: 'GET', path: '/audit/vkey', handle: () => Promise.resolve(text(`${vkey}\n`)) },
  ];
}

function text(body: string): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' },
    body,
  };
}
