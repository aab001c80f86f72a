import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import type { LoadAnswer } from './steady-load.ts';

/** Keeps account of what clients were answered, and looks each answer up in the log. */
export interface AnswerLedger {
  /** Answers that promise an event in the log. */
  readonly promised: number;
  add(answers: readonly LoadAnswer[]): void;
  /** @returns the ids of events that are not in the log yet */
  missing(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @param url the database itself, past everything that fails */
export function openAnswerLedger(url: string): AnswerLedger {
  const database = openPgDatabase({ url, schema: 'audit', log: createLog('silent', () => undefined) });
  const sought = new Set<string>();
  let promised = 0;

  return {
    get promised() {
      return promised;
    },
    add(answers) {
      for (const { auditId } of answers.filter(isPromise)) {
        promised += 1;
        sought.add(auditId);
      }
    },
    async missing() {
      const ids = [...sought];
      const { rows } = await database.query<{ id: string }>(
        'SELECT id::text FROM event_ids WHERE id = ANY($1::uuid[])',
        [ids],
      );
      for (const { id } of rows) sought.delete(id);
      return [...sought];
    },
    close: () => database.close(),
  };
}

/** A refusal because nothing could record it, and one of a gateway that starts, promise nothing. */
function isPromise({ auditId, status, code }: LoadAnswer): boolean {
  return code !== 'AUDIT_UNAVAILABLE' && (auditId !== '' || status !== 503);
}
