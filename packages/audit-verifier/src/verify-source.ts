import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLog } from './export-log.ts';
import type { LogSource } from './log-source.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { type Report, tampered, unusable } from './verdict.ts';
import { verifyLog } from './verify-log.ts';
import type { VerifyOptions } from './verify-options.ts';

/** Verifies a log as an export of it, in a temporary folder that is gone afterwards. The source is closed once it is read. */
export async function verifySource(
  openSource: () => Promise<LogSource>,
  options: Omit<VerifyOptions, 'folder'>,
): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-audit-'));
  try {
    const source = await openSource();
    await exportLog(source, folder).finally(() => source.close());
    return await verifyLog({ ...options, folder });
  } catch (error) {
    if (error instanceof Tampering) return tampered(error.message, undefined);
    if (error instanceof UsageProblem) return unusable(error.message);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
