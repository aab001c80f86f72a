import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Database } from '@aduana/core/store/database';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { MinimumIndex } from './retention/minimum-index.ts';
import type { SubgraphContext } from '../start-subgraph.ts';
import { assertKept, assertNotDropped } from './reading/assert-kept.ts';
import { type EventPage, readEventPage } from './reading/event-page.ts';
import type { Integrity } from './reading/integrity.ts';
import type { CheckpointView, InclusionProofView, Proofs } from './reading/proofs.ts';
import { type EventFilter, findEventById, findEventsOf, type StoredEvent } from './reading/stored-event.ts';

export interface ResolverOptions {
  readonly reader: Database;
  readonly proofs: Proofs;
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly integrity: () => Promise<Integrity>;
  /** Whether the log may still be read; who read what is in it before the answer leaves. */
  readonly audit: AuditSink;
}

interface ConnectionArguments {
  readonly filter?: EventFilter | null;
  readonly first: number;
  readonly after?: string | null;
}

const MAX_PAGE = 200;

/** The resolvers of `schema.graphql`; every read of events is an event itself. */
export function createResolvers({ reader, proofs, minimumIndex, integrity, audit }: ResolverOptions) {
  const recordRead = async (context: SubgraphContext, what: string, detail: object): Promise<void> => {
    const { claims } = context.token;
    await audit.record({
      type: 'audit.read',
      class_uid: 6003,
      outcome: 'ALLOWED',
      actor: {
        sub: claims.sub,
        client_id: claims.client_id,
        act: actorsOf(claims.act),
        auth_method: claims.amr[0] ?? null,
        cert_thumbprint: claims.cnf?.['x5t#S256'] ?? null,
      },
      trace: { trace_id: context.trace.traceId, span_id: context.trace.spanId },
      detail: { what, ...detail },
    });
  };

  return {
    Query: {
      async auditEvents(_: unknown, { filter, first, after }: ConnectionArguments, context: SubgraphContext) {
        const asked = filter ?? {};
        checkFilter(asked);
        const limit = pageSize(first);
        const isFirst = after === undefined || after === null;
        const from = isFirst ? (await minimumIndex.current()) - 1 : seqOfCursor(after);
        if (!isFirst) await assertKept(from + 1, minimumIndex);
        const page = await readEventPage(reader, asked, from, { events: limit });
        await recordRead(context, 'auditEvents', { filter: asked, first: limit, after: from });
        return connectionOf(page, !isFirst);
      },
      async auditEvent(_: unknown, { id }: { id: string }, context: SubgraphContext) {
        const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
        const found = isId ? await findEventById(reader, id) : undefined;
        await recordRead(context, 'auditEvent', { id: isId ? id : null, found: found !== undefined });
        if (isId && found === undefined) await assertNotDropped(id, { reader, minimumIndex });
        return found === undefined ? null : eventView(found);
      },
      auditCheckpoint: async (_: unknown, { size }: { size?: number | null }) =>
        checkpointOf(await proofs.checkpoint(size ?? undefined)),
      auditInclusionProof: async (_: unknown, { seq, size }: { seq: number; size?: number | null }) =>
        inclusionOf(seq, await proofs.inclusion(seq, size ?? undefined)),
      auditConsistencyProof: async (_: unknown, { from, to }: { from: number; to: number }) => ({
        from,
        to,
        hashes: (await proofs.consistency(from, to)).map(hex),
      }),
      auditIntegrity: () => integrity(),
    },
    ServiceIdentity: {
      async auditEvents(service: { id: string }, { first }: { first: number }, context: SubgraphContext) {
        const found = await findEventsOf(reader, service.id, pageSize(first));
        await recordRead(context, 'ServiceIdentity.auditEvents', { service: service.id });
        return found.map(eventView);
      },
    },
  };
}

function eventView(event: StoredEvent) {
  return {
    id: event.id,
    seq: event.seq,
    time: event.time.toISOString(),
    type: event.type,
    outcome: event.outcome,
    actor: event.actor,
    clientId: event.client_id,
    operation: event.operation,
    canonical: event.canonical,
    leafHash: hex(event.leaf_hash),
    service: event.client_id === null ? null : { id: event.client_id },
  };
}

function connectionOf({ events, lookedThrough }: EventPage, hasPreviousPage: boolean) {
  const edges = events.map((event) => ({ cursor: cursorOf(event.seq), node: eventView(event) }));
  const end = lookedThrough ?? events.at(-1)?.seq;
  return {
    edges,
    pageInfo: {
      hasNextPage: lookedThrough !== undefined,
      hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: end === undefined || end < 0 ? null : cursorOf(end),
    },
  };
}

function checkpointOf({ size, root, note }: CheckpointView) {
  return { size, rootHash: hex(root), note };
}

function inclusionOf(seq: number, { leafHash, hashes, checkpoint }: InclusionProofView) {
  return {
    seq,
    size: checkpoint.size,
    leafHash: hex(leafHash),
    hashes: hashes.map(hex),
    checkpoint: checkpointOf(checkpoint),
  };
}

function hex(bytes: Buffer): string {
  return bytes.toString('hex');
}

function cursorOf(seq: number): string {
  return Buffer.from(`seq:${String(seq)}`).toString('base64url');
}

function seqOfCursor(cursor: string): number {
  const [, seq] = /^seq:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (seq === undefined) throw new SecurityError('BAD_REQUEST', { detail: 'the cursor is not one of ours' });
  return Number(seq);
}

function pageSize(first: number): number {
  if (first < 0) throw new SecurityError('BAD_REQUEST', { detail: 'first is negative' });
  return Math.min(first, MAX_PAGE);
}

function checkFilter(filter: EventFilter): void {
  if (Object.values(filter).some((value: unknown) => typeof value === 'string' && value.includes('\0')))
    throw new SecurityError('BAD_REQUEST', { detail: 'a filter holds U+0000' });
}
