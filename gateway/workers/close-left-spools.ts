import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AuditConnectionOptions,
  type AuditConnectionParts,
  openAuditConnection,
} from '@aduana/server-kit/connections/audit-connection';
import { describeError } from '@aduana/core/platform/log';

/**
 * Sends what workers left behind that have no successor, since there are fewer now, and closes their sources.
 *
 * @param count of the workers that there are
 */
export async function closeLeftSpools(
  parts: AuditConnectionParts,
  options: AuditConnectionOptions,
  count: number,
): Promise<void> {
  if (options.settings.SPOOL === 'off') return;
  const folder = join(options.settings.ADUANA_HOME, 'spool');
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const worker = Number(/^gateway\.worker-(\d{1,3})$/.exec(name)?.[1]);
    if (!(worker > count)) continue;
    try {
      const { close } = await openAuditConnection(parts, { ...options, worker });
      await close();
    } catch (error) {
      options.platform.log.error('the spool of a former worker could not be sent', {
        worker,
        error: describeError(error),
      });
    }
  }
}
