import { z } from 'zod';
import { SecurityError } from '@aduana/core/errors/security-error';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import { LONGEST_SUBJECT_LIFE_SECONDS, type StatusPage } from '@aduana/core/status/status-entry';
import { type CallerOptions, requirePermission } from '../clients/authorize-caller.ts';
import type { NewStatusEntry } from '../status/status-rows.ts';
import { jsonResponse } from './read-parameters.ts';

export interface StatusRoutesOptions {
  readonly read: (after: number) => Promise<StatusPage>;
  /** Appends all or nothing, each once per id. */
  readonly append: (entries: readonly IdentifiedEntry[]) => Promise<void>;
  /** SPIFFE IDs of those who may write: the admin service. */
  readonly writers: ReadonlySet<string>;
  readonly callers: CallerOptions;
}

export interface IdentifiedEntry {
  readonly id: string;
  readonly entry: NewStatusEntry;
}

const BODY_LIMIT_BYTES = 1_048_576;
const SKEW_SECONDS = 60;
/** For how long a subject stays revoked in the feed: no older token counts any more. */
const KEPT_SECONDS = LONGEST_SUBJECT_LIFE_SECONDS + SKEW_SECONDS;
const TEXT = z.string().min(1).max(256);
const ENTRY = z.discriminatedUnion('kind', [
  z.strictObject({ id: TEXT, kind: z.literal('service_suspended'), service: TEXT }),
  z.strictObject({ id: TEXT, kind: z.literal('service_restored'), service: TEXT }),
  z.strictObject({ id: TEXT, kind: z.literal('certificate_revoked'), thumbprint: TEXT }),
  z.strictObject({ id: TEXT, kind: z.literal('policies_changed'), sha256: TEXT }),
  z
    .strictObject({
      id: TEXT,
      kind: z.literal('subject_revoked'),
      issuer: z.string().min(1).max(2_048),
      subject: z.string().min(1).max(255),
      notAfter: z.int().min(0),
    })
    .transform((entry) => ({ ...entry, until: entry.notAfter + KEPT_SECONDS })),
]);
const BODY = z.strictObject({ entries: z.array(ENTRY).min(1).max(500) });

/** `GET /sts/status?after=N` for every peer, and `POST /sts/status` for the admin service. */
export function createStatusRoutes({
  read,
  append,
  writers,
  callers,
}: StatusRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/sts/status',
      async handle(request) {
        requirePeer(request, undefined);
        const after = request.query.get('after') ?? '0';
        if (!/^\d{1,15}$/.test(after)) throw new SecurityError('BAD_REQUEST', { detail: 'after' });
        return jsonResponse(await read(Number(after)));
      },
    },
    {
      method: 'POST',
      path: '/sts/status',
      async handle(request) {
        requirePeer(request, writers);
        await requirePermission(request, 'sts:status:write', callers);
        const { entries } = await readBody(request);
        await append(entries.map(({ id, ...entry }) => ({ id, entry })));
        return jsonResponse({ accepted: entries.length });
      },
    },
  ];
}

async function readBody(request: ServiceRequest): Promise<z.output<typeof BODY>> {
  try {
    return BODY.parse(JSON.parse((await request.body(BODY_LIMIT_BYTES)).toString('utf8')));
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError('BAD_REQUEST', { detail: 'the entries are malformed', cause: error });
  }
}
