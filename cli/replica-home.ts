import { loadConfig } from '@aduana/server-kit/config/load-config';
import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { ensureMasterKey } from '@aduana/server-kit/secrets/create-secret-provider';
import { acquireReplicaHome } from '@aduana/server-kit/store/replica-home';
import type { CommandContext } from './command-context.ts';

export interface ClaimedHome {
  /** With the variables of this replica. */
  readonly context: CommandContext;
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * With `SHARED_HOME=true`, gives this process a home and an `INSTANCE` of its own among the replicas of its service, and
 * the local provider's master key that all of them use.
 *
 * @throws ConfigurationError when no home can be had
 */
export async function claimReplicaHome(service: string, context: CommandContext): Promise<ClaimedHome> {
  const { environment, clock, log } = context;
  // Any other value is reported with the other problems of the configuration.
  if (environment['SHARED_HOME'] !== 'true') return { context, release: () => Promise.resolve() };
  const { ADUANA_HOME, ADUANA_MASTER_KEY_FILE } = SERVICE_SETTINGS;
  const settings = loadConfig({ ADUANA_HOME, ADUANA_MASTER_KEY_FILE }, environment);
  const { number, folder, release } = await acquireReplicaHome(settings.ADUANA_HOME, service, clock);
  try {
    const own = {
      SHARED_HOME: 'false', // also for the processes that this one starts
      ADUANA_HOME: folder,
      INSTANCE: instanceOf(number, environment['INSTANCE']),
      ...(['', 'local'].includes(environment['SECRET_PROVIDER'] ?? '') && {
        ADUANA_MASTER_KEY_FILE: (await ensureMasterKey(settings, clock)).path,
      }),
    };
    log.info('this replica has a home of its own', { home: folder, instance: own.INSTANCE });
    return { context: { ...context, environment: { ...environment, ...own } }, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The first one is what a single process is: it continues with the home and the name that this had. */
function instanceOf(number: number, given = ''): string {
  if (given === '') return String(number);
  return number === 1 ? given : `${given}-${String(number)}`;
}
