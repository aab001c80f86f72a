import { UsageProblem } from './problems.ts';
import { verifyLog } from './verify-log.ts';

/** What an export is verified against, beside itself. */
export interface ExportOptions {
  /** The log's verifier key (c2sp.org/signed-note), known from elsewhere; default: the folder's own `vkey`. */
  readonly vkey?: string;
  /** The file of an older checkpoint, which the log must continue. */
  readonly sinceFile?: string;
  /** How old the newest event may be; default: of any age. */
  readonly maxAgeSeconds?: number;
}

/** What a verification found. */
export interface ExportReport {
  /** `TAMPERED`: something contradicts a signature; `INCOMPLETE`: events or outcomes are missing. */
  readonly verdict: 'WHOLE' | 'TAMPERED' | 'INCOMPLETE';
  /** Entries that the checkpoint covers; 0 where no checkpoint is signed by the log. */
  readonly size: number;
  /** The root of the checkpoint in hexadecimal digits; empty where no checkpoint is signed by the log. */
  readonly root: string;
  /** One sentence for each finding; empty for a whole log. */
  readonly problems: readonly string[];
}

/**
 * Verifies an audit log that `aduana audit export` wrote: every entry against the signed checkpoint (RFC 9162), and
 * that every source counts without gaps. It needs neither network nor any code of the server.
 *
 * @param folder with `entries.jsonl`, `checkpoint` and `vkey`
 * @throws Error where the folder or the key cannot be read
 * @example
 * const { verdict, size, problems } = await verifyExport('audit-export', { vkey });
 * if (verdict !== 'WHOLE') throw new Error(problems.join('; '));
 */
export async function verifyExport(folder: string, options: ExportOptions = {}): Promise<ExportReport> {
  const { verdict, signed, problems } = await verifyLog({ ...options, folder, now: Date.now() });
  if (verdict === 'UNUSABLE') throw new UsageProblem(problems.join('; '));
  return { verdict, size: signed?.size ?? 0, root: signed?.root.toString('hex') ?? '', problems };
}
