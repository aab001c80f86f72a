import type { CommandContext } from './command-context.ts';

/** What a look at one thing has shown, and what to do about it. */
export interface Finding {
  readonly state: 'ok' | 'warn' | 'FAIL';
  /** A file, a variable, a service. */
  readonly subject: string;
  readonly finding: string;
  /** Empty where nothing is to be done. */
  readonly remedy: string;
}

/** A look at one kind of thing; it never changes anything. */
export type DoctorCheck = (context: CommandContext) => Promise<readonly Finding[]>;

export function fine(subject: string, finding: string): Finding {
  return { state: 'ok', subject, finding, remedy: '' };
}

export function warning(subject: string, finding: string, remedy: string): Finding {
  return { state: 'warn', subject, finding, remedy };
}

export function failure(subject: string, finding: string, remedy: string): Finding {
  return { state: 'FAIL', subject, finding, remedy };
}
