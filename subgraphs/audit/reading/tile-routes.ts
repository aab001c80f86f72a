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
const MAX_ENTRY_BYTES = 65_535;

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
    const body =
      asked.level === 'entries'
        ? await readEntries(options.reader, asked)
        : Buffer.concat(await options.tree.tile(asked.level, asked.index, asked.width));
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'cache-control': 'private, max-age=31536000, immutable',
      },
      body,
    };
  }

  return [{ method: 'GET', path: `${PREFIX}*`, handle }];
}

/** Whether the tile, or this much of it, is part of a tree of `size` leaves. */
function isWithin({ level, index, width }: TilePath, size: number): boolean {
  const nodes = Math.floor(size / TILE_HASHES ** (level === 'entries' ? 0 : level));
  return index * TILE_HASHES + width <= nodes;
}

/** Each entry as its length in two bytes and its canonical text. */
async function readEntries(reader: Database, { index, width }: TilePath): Promise<Buffer> {
  const from = index * TILE_HASHES;
  const { rows } = await reader.query<{ canonical: string }>(
    'SELECT canonical FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq',
    [from, from + width],
  );
  if (rows.length !== width) throw new SecurityError('NOT_FOUND', { detail: 'entries are gone' });
  return Buffer.concat(
    rows.flatMap(({ canonical }) => {
      const bytes = Buffer.from(canonical);
      if (bytes.length > MAX_ENTRY_BYTES)
        throw new SecurityError('NOT_FOUND', { detail: 'an entry is too long' });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}

async function recordRead(service: string, request: ServiceRequest, asked: TilePath, audit: AuditSink) {
  await audit.record({
    ...auditEvent('audit.read', { what: 'entries', from: asked.index * TILE_HASHES }),
    outcome: 'ALLOWED',
    actor: peerActor(service, request),
    trace: { trace_id: request.trace.traceId, span_id: request.trace.spanId },
  });
}
