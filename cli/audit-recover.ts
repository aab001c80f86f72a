import { askAudit } from './ask-audit.ts';
import type { CommandContext } from './command-context.ts';

interface RecoveryAnswer {
  readonly approved?: string;
  readonly epoch?: number;
}

/** Has a log that has lost its tail go on, as the operator and the auditor, or as one of them. */
export async function recoverLog(
  reason: string,
  approvers: readonly string[],
  context: CommandContext,
): Promise<void> {
  let answered: RecoveryAnswer = {};
  for (const service of approvers) answered = await approve(service, reason, context);
  if (answered.epoch === undefined) {
    context.print(
      `approved as ${answered.approved ?? ''}: the other one must approve within ten minutes, with the same reason`,
    );
    return;
  }
  context.print(`the loss is recorded, and epoch ${String(answered.epoch)} of the log begins`);
  context.print('now restart every replica of the audit service: then it signs again');
  context.print('give the new vkey to witness and auditors: it is at https://AUDIT/audit/vkey');
}

async function approve(service: string, reason: string, context: CommandContext): Promise<RecoveryAnswer> {
  const answer = await askAudit(service, '/audit/recover', { reason }, context, {
    409: 'The log has all entries that it has signed: there is nothing to recover',
  });
  return answer as RecoveryAnswer;
}
