import type { ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

const SHAPES: Readonly<Record<Tone, string>> = {
  good: 'M3 8l3 4 7-9',
  warn: 'M8 2l6.5 12h-13zM8 6v4M8 12v.5',
  bad: 'M4 4l8 8M12 4l-8 8',
  plain: 'M4 8h8',
};

interface MarkProps {
  readonly tone: Tone;
  readonly children: ReactNode;
}

/** A state, by word and shape as well as by colour. */
export function Mark({ tone, children }: MarkProps): ReactNode {
  return (
    <span className={`mark ${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={SHAPES[tone]} />
      </svg>
      {children}
    </span>
  );
}

const OUTCOME_TONES: Readonly<Record<string, Tone>> = {
  ALLOWED: 'good',
  PARTIAL: 'warn',
  DENIED: 'bad',
  FAILED: 'bad',
};

export function Outcome({ outcome }: { readonly outcome: string }): ReactNode {
  return <Mark tone={OUTCOME_TONES[outcome] ?? 'plain'}>{outcome}</Mark>;
}

const LOG_TONES: Readonly<Record<string, Tone>> = {
  OK: 'good',
  BEHIND: 'warn',
  INCOMPLETE: 'warn',
  TAMPERED: 'bad',
};

export function IntegrityMark({ status }: { readonly status: string }): ReactNode {
  return <Mark tone={LOG_TONES[status] ?? 'plain'}>{status}</Mark>;
}

const STATE_TONES: Readonly<Record<string, Tone>> = {
  ok: 'good',
  degraded: 'warn',
  unavailable: 'bad',
  closed: 'good',
  half_open: 'warn',
  open: 'bad',
};

/** Of a service's health or circuit breaker. */
export function toneOf(state: string): Tone {
  return STATE_TONES[state.toLowerCase()] ?? 'plain';
}
