import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type { CheckpointShape, RequestData } from '../../console/web/src/graphql/shapes.ts';

const ORIGIN = 'aduana.local/audit';
const EMPTY_ROOT = createHash('sha256').digest();

/** As the Request page gets it. */
export type DoubleEvent = NonNullable<RequestData['auditEvent']>;

interface Appended {
  readonly type: string;
  readonly sub: string;
  readonly operation?: string | null;
  readonly outcome?: string;
  readonly id?: string;
  readonly act?: readonly string[];
  /** The number that its source gave it; default: its place in the log. */
  readonly n?: number;
  readonly request?: object;
  readonly detail?: object;
}

/** A log in memory whose proofs and checkpoints are true. */
export function openDoubleLog() {
  const events: DoubleEvent[] = [];
  const leaves: Buffer[] = [];
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const typed = Buffer.concat([
    Buffer.from([1]),
    publicKey.export({ format: 'der', type: 'spki' }).subarray(12),
  ]);
  const keyId = createHash('sha256').update(`${ORIGIN}\n`).update(typed).digest().subarray(0, 4);
  const vkey = `${ORIGIN}+${keyId.toString('hex')}+${typed.toString('base64')}`;

  function append(given: Appended): DoubleEvent {
    const { type, sub, operation = null, outcome = 'ALLOWED', id = randomUUID(), act = [] } = given;
    const seq = events.length;
    const time = new Date(1_780_000_000_000 + seq * 1000).toISOString();
    const canonical = JSON.stringify({
      actor: { act, auth_method: 'tls_client_auth', cert_thumbprint: null, client_id: sub, sub },
      class_uid: 6003,
      ...(given.detail === undefined ? {} : { detail: given.detail }),
      id,
      outcome,
      request: { document_sha256: 'ab'.repeat(32), fields: ['Query.leads', 'Lead.company'], operation_name: operation, subgraphs: ['leads'], ...given.request },
      source: { boot_id: 'boot', instance: 'one', n: given.n ?? seq, peer: 'gateway' },
      time,
      trace: { span_id: 'b7ad6b7169203331', trace_id: '0af7651916cd43dd8448eb211c80319c' },
      type,
      v: 1,
    }); // prettier-ignore
    const leaf = hash(Buffer.from([0]), Buffer.from(canonical));
    const event = { id, seq: String(seq), time, type, outcome, actor: sub, clientId: sub, operation, canonical, leafHash: leaf.toString('hex') };
    events.push(event);
    leaves.push(leaf);
    return event;
  } // prettier-ignore

  function checkpoint(size = leaves.length): CheckpointShape {
    const root = rootOf(leaves.slice(0, size));
    const text = `${ORIGIN}\n${String(size)}\n${root.toString('base64')}\n`;
    const signature = Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)]).toString('base64');
    return {
      size: String(size),
      rootHash: root.toString('hex'),
      note: `${text}\n— ${ORIGIN} ${signature}\n`,
    };
  }

  return {
    events,
    vkey,
    append,
    checkpoint,
    inclusion: (seq: number) => pathOf(seq, leaves).map((node) => node.toString('hex')),
    consistency: (from: number, to: number) =>
      consistencyOf(from, leaves.slice(0, to), true).map((node) => node.toString('hex')),
  };
}

function hash(...parts: readonly Buffer[]): Buffer {
  const made = createHash('sha256');
  for (const part of parts) made.update(part);
  return made.digest();
}

/** RFC 6962 section 2.1. */
function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  const split = splitOf(leaves.length);
  return hash(Buffer.from([1]), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/** RFC 6962 section 2.1.1. */
function pathOf(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  return index < split
    ? [...pathOf(index, leaves.slice(0, split)), rootOf(leaves.slice(split))]
    : [...pathOf(index - split, leaves.slice(split)), rootOf(leaves.slice(0, split))];
}

/** RFC 6962 section 2.1.2. */
function consistencyOf(size: number, leaves: readonly Buffer[], isWhole: boolean): readonly Buffer[] {
  if (size === leaves.length) return isWhole ? [] : [rootOf(leaves)];
  const split = splitOf(leaves.length);
  return size <= split
    ? [...consistencyOf(size, leaves.slice(0, split), isWhole), rootOf(leaves.slice(split))]
    : [...consistencyOf(size - split, leaves.slice(split), false), rootOf(leaves.slice(0, split))];
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}
