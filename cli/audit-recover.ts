import { askAudit } from './ask-audit.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';

interface RecoveryAnswer {
  readonly approved?: string;
  readonly epoch?: number;
  /** Entries that were signed, and those of them that go on being covered by what was signed. */
  readonly lost_size?: number;
  readonly kept_size?: number;
}

export interface RecoveryRequest {
  readonly reason: string;
  readonly keepsNothing: boolean;
}

const MAX_REASON_CHARACTERS = 1024;

/** Has a log that has lost its tail go on, as the operator and the auditor, or as one of them. */
export async function recoverLog(
  request: RecoveryRequest,
  approvers: readonly string[],
  context: CommandContext,
): Promise<void> {
  if (request.reason === '' || request.reason.length > MAX_REASON_CHARACTERS)
    throw new CommandFailure(1, `--reason takes 1 to ${String(MAX_REASON_CHARACTERS)} characters`);
  let answered: RecoveryAnswer = {};
  for (const service of approvers) {
    answered = await approve(service, request, context);
    const { lost_size: lost, kept_size: kept } = answered;
    if (answered.approved !== undefined && lost !== undefined && kept !== undefined)
      context.print(
        `of ${String(lost)} entries that were signed, the first ${String(kept)} are all there and stay proven`,
      );
  }
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

async function approve(
  service: string,
  { reason, keepsNothing }: RecoveryRequest,
  context: CommandContext,
): Promise<RecoveryAnswer> {
  const answer = await askAudit(service, '/audit/recover', { reason, keep_nothing: keepsNothing }, context, {
    400: 'No tree that the log has signed is left in the database: nothing of it would be kept\n  -> Bring the entries back, or begin anew without any of them: --keep-nothing',
    409: 'The log has all entries that it has signed: there is nothing to recover',
  });
  return answer as RecoveryAnswer;
}
