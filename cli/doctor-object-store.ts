import { loadConfig } from '@aduana/server-kit/config/load-config';
import { ObjectStoreError } from '@aduana/server-kit/object-store/object-store';
import { openObjectStore } from '@aduana/server-kit/object-store/open-object-store';
import { AUDIT_SETTINGS } from '../subgraphs/audit/config.ts';
import { type DoctorCheck, failure, fine, type Finding, warning } from './doctor-finding.ts';

/** The log grows at least as often as its services say that they are alive. */
const STALE_MS = 600_000;
const STALE_INTERVALS = 10;

/** The bucket of the audit log answers, and is up to date. */
export const checkObjectStore: DoctorCheck = async ({ environment, clock }) => {
  const settings = loadConfig(AUDIT_SETTINGS, environment);
  const { AUDIT_OBJECT_STORE: location, AUDIT_OBJECT_STORE_INTERVAL: interval } = settings;
  if (location === 'off') return [fine('AUDIT_OBJECT_STORE', 'is off: the audit log is not published')];
  const store = await openObjectStore(location, settings, clock);
  try {
    const checkpoint = await store.get('checkpoint');
    if (checkpoint === undefined)
      return [warning(location, 'holds no checkpoint yet', `Start the audit service; ${WHERE}`)];
    const size = checkpoint.body.toString('utf8').split('\n')[1] ?? '';
    const age = clock.now() - (checkpoint.modifiedAt ?? clock.now());
    return [describe(location, size, age, Math.max(STALE_MS, STALE_INTERVALS * interval))];
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
    return [failure(location, error.message, 'Check bucket, endpoint, region and credentials')];
  } finally {
    store.close();
  }
};

const WHERE = '`auditIntegrity { sinks { name lag lastError } }` says what keeps the log from it';

function describe(location: string, size: string, age: number, stale: number): Finding {
  const seconds = String(Math.round(Math.max(0, age) / 1000));
  return age > stale
    ? warning(location, `got its newest checkpoint (${size} entries) ${seconds} s ago`, WHERE)
    : fine(location, `holds ${size} entries, since ${seconds} s`);
}
