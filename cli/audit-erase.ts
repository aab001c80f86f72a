import { askAudit } from './ask-audit.ts';
import type { CommandContext } from './command-context.ts';

/** Erases a person from the log, as the operator. */
export async function erasePerson(subject: string, reason: string, context: CommandContext): Promise<void> {
  const answer = await askAudit('operator', '/audit/erase', { subject, reason }, context);
  const { erased } = answer as { readonly erased: boolean };
  context.print(
    erased ? 'erased: the key of this person is destroyed' : 'the log has no personal data of this subject',
  );
}
