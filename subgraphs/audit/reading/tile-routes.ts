import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Database } from '@aduana/server-kit/store/database';
import { TILE_HASHES } from '../checkpoints/tile-store.ts';
import type { TreeReader } from '../checkpoints/tree-reader.ts';
import type { MinimumIndex } from '../checkpoints/minimum-index.ts';
import { assertKept } from './assert-kept.ts';
import { authorizePeer, type PeerAuthority } from './authorize-peer.ts';
import type { Proofs } from '../checkpoints/proofs.ts';
import { readTile, TILE_TYPE } from './read-tile.ts';
import { parseTilePath, type TilePath } from './tile-path.ts';
import { peerActor } from './peer-actor.ts';

export interface TileRouteOptions extends PeerAuthority {
  readonly reader: Database;
  readonly tree: TreeReader;
  readonly proofs: Proofs;
  readonly minimumIndex: Pick<MinimumIndex, 'current'>;
  readonly audit: AuditSink;
}

const PREFIX = '/audit/tile/';
const READ_RECORDED_FOR_MS = 60_000;
const MAX_READERS = 1000;

/**
 * The log as tiles (c2sp.org/tlog-tiles), for standard tools: hashes for whoever may see proofs, entries for whoever may
 * see events; a service is known by its certificate, and policies decide. Reading entries is recorded once a minute.
 */
export function createTileRoutes(options: TileRouteOptions): readonly Route[] {
  const { proofs, clock } = options;
  const recorded = createBoundedCache<true>(clock, MAX_READERS);

  async function handle(request: ServiceRequest) {
    const asked = parseTilePath(request.path.slice(PREFIX.length));
    const isEntries = asked?.level === 'entries';
    const service = authorizePeer(request, isEntries ? 'audit:events:read' : 'audit:proofs:read', options);
    if (asked === undefined) throw new SecurityError('NOT_FOUND');
    const { size } = await proofs.checkpoint();
    if (!isWithin(asked, size)) throw new SecurityError('NOT_FOUND', { detail: 'beyond the signed tree' });
    if (isEntries) await assertKept(asked.index * TILE_HASHES, options.minimumIndex);
    if (isEntries && recorded.get(service) === undefined) {
      await recordRead(service, request, asked, options.audit);
      recorded.set(service, true, clock.now() + READ_RECORDED_FOR_MS);
    }
    return {
      status: 200,
      headers: { 'content-type': TILE_TYPE, 'cache-control': 'private, max-age=31536000, immutable' },
      body: await readTile(asked, options),
    };
  }

  return [{ method: 'GET', path: `${PREFIX}*`, handle }];
}

/** Whether the tile, or this much of it, is part of a tree of `size` leaves. */
function isWithin({ level, index, width }: TilePath, size: number): boolean {
  const nodes = Math.floor(size / TILE_HASHES ** (level === 'entries' ? 0 : level));
  return index * TILE_HASHES + width <= nodes;
}

async function recordRead(service: string, request: ServiceRequest, asked: TilePath, audit: AuditSink) {
  await audit.record({
    ...auditEvent('audit.read', { what: 'entries', from: asked.index * TILE_HASHES }),
    outcome: 'ALLOWED',
    actor: peerActor(service, request),
    trace: { trace_id: request.trace.traceId, span_id: request.trace.spanId },
  });
}
