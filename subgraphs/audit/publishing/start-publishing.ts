import { uuid } from '@aduana/core/platform/ids';
import type { Platform } from '@aduana/core/platform/platform';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import { openObjectStore } from '@aduana/server-kit/object-store/open-object-store';
import type { AuditSettings } from '../config.ts';
import { createSinkCursors } from '../shippers/sink-cursors.ts';
import type { PublishedParts } from './publish-log.ts';
import { Publisher } from './publisher.ts';

/** Publishes the log into the bucket of `AUDIT_OBJECT_STORE`; undefined where none is configured. */
export function startPublishing(
  settings: AuditSettings,
  parts: PublishedParts,
  { writer }: Pick<ServiceStore, 'writer'>,
  { clock, log, metrics }: Platform,
): Publisher | undefined {
  const location = settings.AUDIT_OBJECT_STORE;
  if (location === 'off') return undefined;
  const objects = metrics.counter('aduana_audit_objects_total');
  return new Publisher({
    location,
    open: () => openObjectStore(location, settings, clock),
    cursors: createSinkCursors(writer, uuid(), clock),
    parts,
    intervalMilliseconds: settings.AUDIT_OBJECT_STORE_INTERVAL,
    dropsEntries: settings.AUDIT_OBJECT_STORE_RETENTION === 'drop',
    count: (outcome) => {
      objects.inc({ outcome });
    },
    clock,
    log,
  });
}
