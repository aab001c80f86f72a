import { SecurityError } from '@aduana/core/errors/security-error';
import { showStepUp } from '../authorize/step-up.ts';
import type { StreamEnd } from './stream-end.ts';

/** The text of a result that has nothing but the error of a code. */
export function errorResult(end: StreamEnd): string | undefined {
  if (end.code === undefined) return undefined;
  const { message, code } = new SecurityError(end.code);
  const stepUp = end.stepUp === undefined ? {} : { stepUp: showStepUp(end.stepUp) };
  return JSON.stringify({ errors: [{ message, extensions: { code, ...stepUp } }] });
}
