import type { TimeWindow, Weekday } from './policy.ts';

const DAY_MINUTES = 1440;
const WEEKDAYS: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface LocalTime {
  readonly minuteOfDay: number;
  readonly weekday: number;
}

/** Whether the text names a zone of the IANA time zone database. */
export function isTimeZone(text: string): boolean {
  if (/^[+-]/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Whether an instant (milliseconds since the epoch) lies in the window, by the wall clock of its zone. */
export function createTimeMatcher(window: TimeWindow): (instant: number) => boolean {
  const local = createLocalClock(window.zone);
  const opens = WEEKDAYS.map((day) => window.days.length === 0 || window.days.includes(day));
  const { from, to, notBefore = -Infinity, notAfter = Infinity } = window;
  return (instant) => {
    if (instant < notBefore || instant >= notAfter) return false;
    const { minuteOfDay, weekday } = local(instant);
    const today = opens[weekday] === true;
    if (from < to) return today && minuteOfDay >= from && minuteOfDay < to;
    const yesterday = opens[(weekday + 6) % 7] === true;
    return (today && minuteOfDay >= from) || (yesterday && minuteOfDay < to % DAY_MINUTES);
  };
}

/** Zone offsets change on whole minutes, so that the local time of one minute is computed once. */
function createLocalClock(zone: string): (instant: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  let minute = NaN;
  let known: LocalTime = { minuteOfDay: 0, weekday: 0 };
  return (instant) => {
    const asked = Math.floor(instant / 60_000);
    if (asked === minute) return known;
    const parts = new Map(format.formatToParts(asked * 60_000).map(({ type, value }) => [type, value]));
    const weekday = WEEKDAYS.indexOf((parts.get('weekday') ?? '').toLowerCase() as Weekday);
    known = { minuteOfDay: Number(parts.get('hour')) * 60 + Number(parts.get('minute')), weekday };
    minute = asked;
    return known;
  };
}
