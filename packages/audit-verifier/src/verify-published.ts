import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportLog } from './export-log.ts';
import { Tampering, UsageProblem } from './problems.ts';
import { openPublishedLog } from './published-log.ts';
import type { ReadObject } from './tile-tree.ts';
import { type Report, tampered, unusable } from './verdict.ts';
import { verifyLog } from './verify-log.ts';
import type { VerifyOptions } from './verify-options.ts';

/** Verifies a published log: once its signatures are verified it is read into a temporary folder, each object held against the tree, and then verified as an export. */
export async function verifyPublished(
  read: ReadObject,
  options: Omit<VerifyOptions, 'folder'>,
): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-audit-'));
  try {
    await exportLog(await openPublishedLog(read, options.vkey), folder);
    return await verifyLog({ ...options, folder });
  } catch (error) {
    if (error instanceof Tampering) return tampered(error.message, undefined);
    if (error instanceof UsageProblem) return unusable(error.message);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
