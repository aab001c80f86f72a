import { fromBase64, toHex } from './bytes.ts';
import type { EventEvidence } from './verify-event.ts';
import { parseCheckpoint } from './note.ts';

/** What somebody pasted or uploaded. */
export type Evidence =
  | { readonly kind: 'event'; readonly evidence: EventEvidence }
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'vkey'; readonly vkey: string }
  | { readonly kind: 'entries'; readonly text: string };

const TLOG_PROOF = 'c2sp.org/tlog-proof@v1';

/** Recognizes a proof of the console (JSON), a C2SP proof, a signed note, a verifier key, or an export's entries. */
export function readEvidence(text: string, vkey: string, canonical = ''): Evidence | undefined {
  if (text.startsWith(TLOG_PROOF)) return readTlogProof(text, vkey, canonical);
  if (parseCheckpoint(text) !== undefined) return { kind: 'note', note: text };
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*\s*$/u.test(text)) return { kind: 'vkey', vkey: text.trim() };
  return readJsonProof(text, vkey) ?? (text.startsWith('{') ? { kind: 'entries', text } : undefined);
}

function readJsonProof(text: string, vkey: string): Evidence | undefined {
  const value = parseObject(text);
  if (value === undefined || typeof value['canonical'] !== 'string') return undefined;
  const { canonical, seq, size, hashes, note } = value;
  if (!Array.isArray(hashes) || !hashes.every((hash) => typeof hash === 'string')) return undefined;
  if (typeof note !== 'string') return undefined;
  const key = vkey === '' && typeof value['vkey'] === 'string' ? value['vkey'] : vkey;
  return {
    kind: 'event',
    evidence: { canonical, seq: Number(seq), size: Number(size), hashes, note, vkey: key },
  };
}

/** A proof of this form names no event: its text comes apart, or as `extra`. */
function readTlogProof(text: string, vkey: string, canonical: string): Evidence | undefined {
  const end = text.indexOf('\n\n');
  const lines = text.slice(0, end).split('\n').slice(1);
  const valueOf = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const extra = new TextDecoder().decode(fromBase64(valueOf('extra') ?? ''));
  const hashes = lines.filter((line) => /^[A-Za-z0-9+/]{43}=$/.test(line)).map(fromBase64);
  const note = text.slice(end + 2);
  const checkpoint = parseCheckpoint(note);
  if (end < 0 || checkpoint === undefined) return undefined;
  return {
    kind: 'event',
    evidence: {
      canonical: canonical === '' ? extra : canonical,
      seq: Number(valueOf('index')),
      size: checkpoint.size,
      hashes: hashes.map((hash) => (hash === undefined ? '' : toHex(hash))),
      note,
      vkey,
    },
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
