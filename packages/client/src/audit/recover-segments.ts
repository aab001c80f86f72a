import { join } from 'node:path';
import type { Log } from '@aduana/core/platform/log';
import type { SpoolDisk } from './spool-disk.ts';
import { scanSegment } from './spool-segment.ts';

/** A file of the spool. */
export interface SpoolSegment {
  readonly name: string;
  /** Up to where it is durable. */
  bytes: number;
  /** How many texts lie there. */
  texts: number;
}

export interface RecoverOptions {
  readonly folder: string;
  readonly key: Uint8Array;
  readonly disk: SpoolDisk;
  readonly log: Log;
  /** Whether the end of the newest segment may be no torn one: it counts as lost, since who wrote it may have lost its own copy. */
  readonly doubtsTorn?: boolean;
}

const DIGITS = 12;
const NAME = /^\d{12}\.spool$/;

export function segmentName(number: number): string {
  return `${String(number).padStart(DIGITS, '0')}.spool`;
}

/** 0 for none. */
export function segmentNumber(segment: SpoolSegment | undefined): number {
  return Number(segment?.name.slice(0, DIGITS) ?? 0);
}

/** What an earlier process has left, oldest first, and how many texts of it, at least, are lost. */
export async function recoverSegments({
  folder,
  key,
  disk,
  log,
  doubtsTorn = false,
}: RecoverOptions): Promise<{ segments: SpoolSegment[]; lost: number }> {
  const names = (await disk.list(folder)).filter((name) => NAME.test(name)).sort();
  const segments: SpoolSegment[] = [];
  let lost = 0;
  for (const name of names) {
    const path = join(folder, name);
    const bytes = await disk.read(path, 0, Infinity);
    const scan = scanSegment(key, { segment: name, from: 0, bytes });
    const torn = bytes.length - scan.intactBytes;
    // a crash tears the newest segment alone; anywhere else, something damaged the disk
    const unreadable = scan.lost + (torn > 0 && (doubtsTorn || name !== names.at(-1)) ? 1 : 0);
    lost += unreadable;
    if (unreadable > 0)
      log.error('the audit spool holds records that are damaged or not ours', {
        segment: name,
        count: unreadable,
      });
    if (torn > 0) log.warn('the audit spool was cut at a torn record', { segment: name, bytes: torn });
    // also where nothing is torn: what a dead process has written may not be durable yet
    if (torn > 0 || name === names.at(-1)) await disk.cut(path, scan.intactBytes);
    if (scan.records.length === 0) await disk.remove(path);
    else segments.push({ name, bytes: scan.intactBytes, texts: scan.records.length });
  }
  return { segments, lost };
}
