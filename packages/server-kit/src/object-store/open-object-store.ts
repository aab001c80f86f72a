import type { Clock } from '@aduana/core/platform/clock';
import { type ObjectStore, ObjectStoreError } from './object-store.ts';
import { type ObjectStoreSettings, parseLocation } from './settings.ts';

/**
 * Opens the bucket at a location; it asks the store nothing yet. The AWS SDK is loaded here and nowhere before.
 *
 * @param location `s3://bucket/prefix`
 * @throws ObjectStoreError for any other location
 */
export async function openObjectStore(
  location: string,
  settings: Pick<
    ObjectStoreSettings,
    'AUDIT_OBJECT_STORE_ENDPOINT' | 'AUDIT_OBJECT_STORE_REGION' | 'AUDIT_OBJECT_STORE_PATH_STYLE'
  >,
  clock: Clock,
): Promise<ObjectStore> {
  const parsed = parseLocation(location);
  if (parsed === undefined) throw new ObjectStoreError(`${location} is not s3://bucket/prefix`);
  const { createS3ObjectStore } = await import('./s3-object-store.ts');
  return createS3ObjectStore({
    location,
    ...parsed,
    endpoint: settings.AUDIT_OBJECT_STORE_ENDPOINT,
    region: settings.AUDIT_OBJECT_STORE_REGION,
    isPathStyle: settings.AUDIT_OBJECT_STORE_PATH_STYLE,
    clock,
  });
}
