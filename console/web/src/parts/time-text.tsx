import type { ReactNode } from 'react';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { nowMilliseconds } from '../platform/clock.ts';
import { DataText } from './data-text.tsx';

const T = { never: text('never', 'nunca') };
const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

interface TimeTextProps {
  /** RFC 3339. */
  readonly at: string | null | undefined;
  readonly isRelative?: boolean;
}

/** A time in the reader's zone, with the UTC value on hover. */
export function TimeText({ at, isRelative = false }: TimeTextProps): ReactNode {
  const { t, locale } = useLanguage();
  if (at === null || at === undefined) return <span className="quiet">{t(T.never)}</span>;
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return <DataText value={at} />;
  const shown = isRelative
    ? relativeTime(time.getTime(), locale)
    : new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(time);
  return (
    <time dateTime={time.toISOString()} title={time.toISOString()}>
      <bdi>{shown}</bdi>
    </time>
  );
}

/** Such as "in 3 days" or "5 minutes ago". */
function relativeTime(milliseconds: number, locale: string): string {
  const seconds = (milliseconds - nowMilliseconds()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

/** Whole days from now; negative in the past. */
export function daysUntil(at: string): number {
  return (new Date(at).getTime() - nowMilliseconds()) / 86_400_000;
}
