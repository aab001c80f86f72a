import { countWithinValues } from './audit-batch.ts';
import type { AuditPlatform } from './audit-platform.ts';
import type { SpoolQueue } from './spool.ts';
import { jitter } from '@aduana/core/platform/ids';
import { within } from '@aduana/core/platform/within';

export interface AuditDrainOptions {
  readonly spool: SpoolQueue;
  readonly post: (texts: readonly string[], signal: AbortSignal) => Promise<void>;
  /** Whether the service refuses the content itself. */
  readonly isCondemning: (error: unknown) => boolean;
  readonly platform: Pick<AuditPlatform, 'clock' | 'log'>;
  /** Called for an event that the service refuses for good: it is lost. */
  readonly onRefused: () => void;
  /** The append that is under way, if any. */
  readonly whenSpoolRests: () => Promise<void> | undefined;
  /** The spool is empty and nothing is being added: called before anything else can run. */
  readonly onEmpty: () => void;
}

export interface AuditDrain {
  /** Starts to empty the spool, unless that is under way. */
  begin(): void;
  /** Empties what a few seconds allow, then ends, whatever service or disk do. */
  finish(): Promise<void>;
}

const BATCH_EVENTS = 250;
const BATCH_CHARACTERS = 524_288;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
const FINISH_MS = 3000;
/** Services start in any order: until then the pauses stay short. */
const STARTING_MS = 15_000;

/** Sends what lies in the spool, oldest first, until it is empty; the service knows what it has by the events' ids. */
export function createAuditDrain(options: AuditDrainOptions): AuditDrain {
  const { spool, post, isCondemning, platform } = options;
  const { clock, log } = platform;
  const stopped = new AbortController();
  const isStopped = (): boolean => stopped.signal.aborted;
  const openedAt = clock.monotonic();
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!isStopped()) {
      try {
        const oldest = await spool.peek(BATCH_EVENTS, BATCH_CHARACTERS);
        const texts = oldest.slice(0, countWithinValues(oldest));
        if (texts.length > 0) {
          await postEach(texts);
          if (isStopped()) break; // whoever opens the spool next sends them again
          await spool.drop(texts.length);
          pause = FIRST_PAUSE_MS;
        } else {
          const append = options.whenSpoolRests();
          if (append === undefined && spool.isEmpty) {
            running = undefined;
            options.onEmpty();
            return;
          }
          await append;
        }
      } catch (error) {
        log.debug('the spool waits for the audit service', { error });
        await clock.sleep(pause * jitter(0.2), stopped.signal).catch(() => undefined);
        if (clock.monotonic() - openedAt > STARTING_MS) pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
    running = undefined;
  }

  async function postEach(texts: readonly string[]): Promise<void> {
    try {
      await post(texts, stopped.signal);
    } catch (error) {
      if (!isCondemning(error)) throw error;
      if (texts.length === 1) {
        log.error('the audit service refuses a spooled event', { error, ...nameOf(texts[0]) });
        options.onRefused();
      } else for (const text of texts) await postEach([text]);
    }
  }

  function begin(): void {
    running ??= run();
  }

  return {
    begin,
    async finish() {
      const late = (): Error => new Error('the rest stays in the spool');
      await within(clock, FINISH_MS, late, async () => running).catch(() => undefined);
      stopped.abort();
    },
  };
}

/** Which event it was, without what it holds. */
function nameOf(text: string | undefined): Readonly<Record<string, unknown>> {
  const { id, type } = JSON.parse(text ?? '{}') as { id?: unknown; type?: unknown };
  return { id, type };
}
