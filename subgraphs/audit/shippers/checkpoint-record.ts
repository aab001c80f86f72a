import { cefLine } from './cef-event.ts';
import { OCSF_VERSION } from './ocsf-event.ts';
import type { ShippedCheckpoint } from './stream-record.ts';

const TYPE = 'audit.checkpoint';
/** OCSF 1.8.0 base event: no class describes a log's own state. */
const OTHER = 99;
const INFORMATIONAL = 1;
const SUCCESS = 1;

/** A signed checkpoint in the Open Cybersecurity Schema Framework: the note, to the byte, is its `raw_data`. */
export function checkpointToOcsf(
  { size, root, note, signed_at: signedAt }: ShippedCheckpoint,
  id: string,
): Readonly<Record<string, unknown>> {
  return {
    activity_id: OTHER,
    activity_name: TYPE,
    category_uid: 0,
    class_uid: 0,
    type_uid: OTHER,
    severity_id: INFORMATIONAL,
    status_id: SUCCESS,
    time: signedAt.getTime(),
    message: `the log holds ${String(size)} entries`,
    raw_data: note,
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Aduana', vendor_name: 'Aduana', feature: { name: 'audit' } },
      uid: id,
      event_code: TYPE,
      log_name: 'aduana.audit',
      original_time: signedAt.toISOString(),
    },
    unmapped: { size, root_hash: root.toString('hex') },
  };
}

/** A signed checkpoint in the Common Event Format. */
export function checkpointToCef({ size, note, signed_at: signedAt }: ShippedCheckpoint, id: string): string {
  return cefLine(TYPE, INFORMATIONAL, [
    ['rt', signedAt.getTime()],
    ['externalId', id],
    ['cn1Label', 'size'],
    ['cn1', size],
    ['cs1Label', 'note'],
    ['cs1', note],
  ]);
}
