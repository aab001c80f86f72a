import { join } from 'node:path';
import { readable } from './exported-files.ts';
import { openNote, parseCheckpoint, type SignedTree, type VerifierKey } from './note.ts';
import { Tampering } from './problems.ts';
import { readLines } from './read-lines.ts';

/** What began another epoch: entries that the log had signed were lost, and two people let it go on. */
export interface LogRecovery {
  /** Counts from 2. */
  readonly epoch: number;
  readonly reason: string;
  /** The last tree of the epoch before. */
  readonly lost: SignedTree;
  /** The newest tree of it that is all there. */
  readonly kept: SignedTree | undefined;
  /** The entry that records it. */
  readonly seq: number;
  /** Why that entry cannot be what began an epoch; undefined where it may be. */
  readonly fault: string | undefined;
}

type RecordedRecovery = Omit<LogRecovery, 'fault'>;

const MARK = '"type":"audit.recover"';
const EPOCH = /^(.+)\/epoch\/([2-9]|[1-9]\d{1,5})$/;

/** The origin of a log's first epoch, and the number of the epoch that an origin names. */
export function epochOf(origin: string): { readonly base: string; readonly epoch: number } {
  const [, base = origin, epoch = '1'] = EPOCH.exec(origin) ?? [];
  return { base, epoch: Number(epoch) };
}

/**
 * Reads the recoveries that the entries record.
 *
 * @param minimumIndex the number of the first entry that is there
 * @param present the epoch of the log's checkpoint
 * @throws Tampering where one binds what this log has not signed
 */
export async function readRecoveries(
  folder: string,
  keyFor: (origin: string) => VerifierKey | undefined,
  { minimumIndex, present }: { readonly minimumIndex: number; readonly present: number },
): Promise<readonly LogRecovery[]> {
  const recoveries: LogRecovery[] = [];
  let seq = minimumIndex;
  for await (const lines of readLines(await readable(join(folder, 'entries.jsonl'))))
    for (const line of lines) {
      const parsed = line.includes(MARK) ? parseRecovery(line.toString('utf8'), keyFor) : undefined;
      const recovery = parsed && { ...parsed, seq };
      if (recovery !== undefined) recoveries.push({ ...recovery, fault: faultOf(recovery, present) });
      seq += 1;
    }
  return recoveries;
}

/** Whoever writes to the database may append an entry that cannot be one: it neither begins nor ends an epoch. */
function faultOf({ epoch, lost, kept, seq }: RecordedRecovery, present: number): string | undefined {
  if (epoch > present) return `begins epoch ${String(epoch)} of a log in epoch ${String(present)}`;
  if (kept === undefined) return undefined;
  if (kept.size >= lost.size) return 'has lost nothing';
  return kept.size > seq ? 'keeps more entries than there are before it' : undefined;
}

function parseRecovery(
  line: string,
  keyFor: (origin: string) => VerifierKey | undefined,
): Omit<RecordedRecovery, 'seq'> | undefined {
  const { type, source, detail } = parse(line);
  if (type !== 'audit.recover' || source?.peer !== 'audit') return undefined;
  const lost = open(detail?.lost_note, keyFor);
  const kept = detail?.kept_note === '' ? undefined : open(detail?.kept_note, keyFor);
  const isSound = lost !== undefined && (kept !== undefined || detail?.kept_note === '');
  if (!isSound || epochOf(lost.origin).epoch + 1 !== detail?.epoch || (kept?.size ?? 0) > lost.size)
    throw new Tampering('the recovery of the log binds what the log has not signed');
  return { epoch: detail.epoch, reason: typeof detail.reason === 'string' ? detail.reason : '', lost, kept };
}

interface RecoveryEvent {
  readonly type?: unknown;
  readonly source?: { readonly peer?: unknown };
  readonly detail?: {
    readonly epoch?: number;
    readonly reason?: unknown;
    readonly lost_note?: unknown;
    readonly kept_note?: unknown;
  };
}

function parse(line: string): RecoveryEvent {
  try {
    return JSON.parse(line) as RecoveryEvent;
  } catch {
    return {}; // whoever reads all entries says so
  }
}

function open(note: unknown, keyFor: (origin: string) => VerifierKey | undefined): SignedTree | undefined {
  if (typeof note !== 'string') return undefined;
  const origin = note.slice(0, Math.max(0, note.indexOf('\n')));
  const key = keyFor(origin);
  const text = key === undefined ? undefined : openNote(note, key);
  return text === undefined ? undefined : parseCheckpoint(text);
}
