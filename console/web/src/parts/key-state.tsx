import type { ReactNode } from 'react';
import { Mark, type Tone } from './mark.tsx';

const STATE_TONES: Readonly<Record<string, Tone>> = {
  ACTIVE: 'good',
  CURRENT: 'good',
  PENDING: 'plain',
  RETIRING: 'warn',
  PREVIOUS: 'warn',
  GRACE: 'warn',
  RETIRED: 'plain',
  REVOKED: 'bad',
};

/** The state of a key or of a secret, in its tone. */
export function KeyState({ state }: { readonly state: string }): ReactNode {
  return <Mark tone={STATE_TONES[state.toUpperCase()] ?? 'plain'}>{state}</Mark>;
}
