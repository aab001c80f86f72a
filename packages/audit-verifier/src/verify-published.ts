import { openPublishedLog } from './published-log.ts';
import type { ReadObject } from './tile-tree.ts';
import type { Report } from './verdict.ts';
import type { VerifyOptions } from './verify-options.ts';
import { verifySource } from './verify-source.ts';

/** Verifies a published log: once its signatures are verified it is read into a temporary folder, each object held against the tree, and then verified as an export. */
export function verifyPublished(read: ReadObject, options: Omit<VerifyOptions, 'folder'>): Promise<Report> {
  return verifySource(() => openPublishedLog(read, options.vkey), options);
}
