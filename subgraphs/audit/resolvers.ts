import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Database } from '@aduana/server-kit/store/database';
import type { MinimumIndex } from './checkpoints/minimum-index.ts';
import type { SubgraphContext } from '../subgraph-route.ts';
import { assertKept, assertNotDropped } from './reading/assert-kept.ts';
import { seqOfCursor, toConnection, toEventView, toLastConnection } from './reading/event-connection.ts';
import { type EventPage, readEventPage, readLastPage } from './reading/event-page.ts';
import type { EventFollower } from './reading/follow-events.ts';
import { createFollowedReads } from './reading/followed-reads.ts';
import type { Integrity } from './reading/integrity.ts';
import type { CheckpointView, InclusionProofView, Proofs } from './checkpoints/proofs.ts';
import { readSigned } from './checkpoints/read-head.ts';
import { type EventFilter, findEventById, findEventsOf } from './reading/stored-event.ts';

export interface ResolverOptions {
  readonly reader: Database;
  readonly follower: Pick<EventFollower, 'follow'>;
  readonly proofs: Proofs;
  /** Of the log's keys, the newest first. */
  readonly vkeys: () => readonly string[];
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly integrity: () => Promise<Integrity>;
  /** Whether the log may still be read; who read what is in it before the answer leaves. */
  readonly audit: AuditSink;
  readonly clock: Clock;
}

interface ConnectionArguments {
  readonly filter?: EventFilter | null;
  readonly first: number;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
  readonly follow?: string | null;
}

const MAX_PAGE = 200;
/** How long a page looks for what is rare; the next one goes on from there. */
const PAGE_MS = 250;
const MOST_CHECKPOINTS = 50;
/** Rows among which those are looked for. */
const MOST_LOOKED_AT = 200;
/** `Type.field`, or `Type` of a fragment. */
const COORDINATE = /^[_A-Za-z]\w{0,127}(\.[_A-Za-z]\w{0,127})?$/;

/** The resolvers of `schema.graphql`; every read of events is an event itself. */
export function createResolvers(options: ResolverOptions) {
  const { reader, proofs, minimumIndex, integrity, audit } = options;
  const recordRead = createReadRecorder(audit);
  return {
    Query: {
      auditEvents: createEventsResolver(options, recordRead),
      async auditEvent(_: unknown, { id }: { id: string }, context: SubgraphContext) {
        const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id);
        const found = isId ? await findEventById(reader, id) : undefined;
        await recordRead(context, 'auditEvent', { id: isId ? id : null, found: found !== undefined });
        if (isId && found === undefined) await assertNotDropped(id, { reader, minimumIndex });
        return found === undefined ? null : toEventView(found);
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
    Subscription: {
      auditEventAdded: { subscribe: createFollowResolver(options, recordRead), resolve: toEventView },
    },
    AuditIntegrity: {
      checkpoints: (_: unknown, { last }: { last: number }) => readCheckpoints(options, last),
    },
    ServiceIdentity: {
      async auditEvents(service: { id: string }, { first }: { first: number }, context: SubgraphContext) {
        const found = await findEventsOf(reader, service.id, pageSize(first));
        await recordRead(context, 'ServiceIdentity.auditEvents', { service: service.id });
        return found.map(toEventView);
      },
    },
  };
}

type RecordRead = (context: SubgraphContext, what: string, detail: object) => Promise<void>;

function createReadRecorder(audit: AuditSink): RecordRead {
  return async (context, what, detail) => {
    const { claims } = context.token;
    await audit.record({
      ...auditEvent('audit.read', { what, ...detail }),
      outcome: 'ALLOWED',
      actor: actorOfToken(claims),
      trace: { trace_id: context.trace.traceId, span_id: context.trace.spanId },
    });
  };
}

/** `auditEvents`, forwards, backwards, and on and on for whoever follows the log. */
function createEventsResolver({ reader, minimumIndex, clock }: ResolverOptions, recordRead: RecordRead) {
  const followed = createFollowedReads(clock);
  return async (
    _: unknown,
    { filter, first, after, follow, ...back }: ConnectionArguments,
    context: SubgraphContext,
  ) => {
    const asked = filter ?? {};
    checkFilter(asked);
    if (back.last != null) {
      const { page, from } = await lastPage(
        asked,
        { ...back, last: back.last },
        { reader, minimumIndex, clock },
      );
      await recordRead(context, 'auditEvents', { filter: asked, first: back.last, after: from });
      return toLastConnection(page, from !== null);
    }
    const limit = pageSize(first);
    const isFirst = after === undefined || after === null;
    const from = isFirst ? (await minimumIndex.current()) - 1 : seqOfCursor(after);
    if (!isFirst) await assertKept(from + 1, minimumIndex);
    const page = await readEventPage(reader, asked, from, { events: limit, isOver: timeOf(clock) });
    const read = { filter: asked, first: limit, after: from };
    if (follow == null) {
      await recordRead(context, 'auditEvents', read);
      return toConnection(page, !isFirst);
    }
    const { claims } = context.token;
    const isOn = followed.goOn({ claims, follow, filter: asked, from, end: page.end });
    if (!isOn) await recordRead(context, 'auditEvents', { ...read, follow: true });
    return toConnection({ ...page, lookedThrough: page.end }, !isFirst, page.lookedThrough !== undefined);
  };
}

interface FollowArguments {
  readonly filter?: EventFilter | null;
  readonly afterSeq?: number | null;
}

function createFollowResolver({ follower, minimumIndex }: ResolverOptions, recordRead: RecordRead) {
  return async (_: unknown, { filter, afterSeq }: FollowArguments, context: SubgraphContext) => {
    const asked = filter ?? {};
    checkFilter(asked);
    if (afterSeq != null) await assertKept(afterSeq + 1, minimumIndex);
    await recordRead(context, 'auditEventAdded', { filter: asked, after: afterSeq ?? null, follow: true });
    return follower.follow(asked, afterSeq ?? undefined, context.signal);
  };
}

/** The page before a cursor, or the last one. */
async function lastPage(
  filter: EventFilter,
  { last, before }: { readonly last: number; readonly before?: string | null },
  { reader, minimumIndex, clock }: Pick<ResolverOptions, 'reader' | 'minimumIndex' | 'clock'>,
): Promise<{ readonly page: EventPage; readonly from: number | null }> {
  const from = before == null ? null : seqOfCursor(before);
  const bounds = { beforeSeq: from ?? undefined, minimum: await minimumIndex.current() };
  const size = { events: pageSize(last), isOver: timeOf(clock) };
  return { page: await readLastPage(reader, filter, bounds, size), from };
}

function timeOf(clock: Clock): () => boolean {
  const end = clock.monotonic() + PAGE_MS;
  return () => clock.monotonic() >= end;
}

/** The last signed checkpoints, the newest last: rows that nobody signed are left out. */
async function readCheckpoints({ reader, vkeys }: ResolverOptions, last: number) {
  const count = Math.min(Math.max(0, last), MOST_CHECKPOINTS);
  if (count === 0) return [];
  const signed = await readSigned(reader, vkeys(), MOST_LOOKED_AT);
  return signed.slice(0, count).reverse().map(checkpointOf);
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

function pageSize(first: number): number {
  if (first < 0) throw new SecurityError('BAD_REQUEST', { detail: 'first is negative' });
  return Math.min(first, MAX_PAGE);
}

function checkFilter(filter: EventFilter): void {
  if (Object.values(filter).some((value: unknown) => typeof value === 'string' && value.includes('\0')))
    throw new SecurityError('BAD_REQUEST', { detail: 'a filter holds U+0000' });
  if (filter.field != null && !COORDINATE.test(filter.field))
    throw new SecurityError('BAD_REQUEST', { detail: 'the field is no coordinate' });
}
