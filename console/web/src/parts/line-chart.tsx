import { type ReactNode, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useLanguage } from '../language/use-language.tsx';

export interface Series {
  readonly name: string;
  /** A custom property such as `--good`. */
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly values: readonly (number | null)[];
}

interface LineChartProps {
  /** What a screen reader says instead of the lines. */
  readonly summary: string;
  /** Seconds since the epoch, ascending. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

const HEIGHT = 180;

export function LineChart({ summary, times, series }: LineChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const { locale } = useLanguage();
  const names = series.map(({ name }) => name).join('|');
  const scheme = useScheme();
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, series, locale), [[], ...series.map(() => [])], element);
    chart.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [names, locale, scheme]);
  useEffect(() => {
    chart.current?.setData([[...times], ...series.map(({ values }) => [...values])]);
  }, [times, series, names, locale, scheme]);
  return (
    <figure className="chart">
      <div ref={place} role="img" aria-label={summary} />
      <figcaption>
        {series.map(({ name, colour, dash }) => (
          <span key={name} className="key">
            <svg viewBox="0 0 24 8" aria-hidden="true">
              <path d="M0 4h24" stroke={`var(${colour})`} strokeDasharray={dash?.join(' ')} />
            </svg>
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function optionsOf(element: HTMLElement, series: readonly Series[], locale: string): uPlot.Options {
  const style = getComputedStyle(element);
  const ink = style.getPropertyValue('--quiet');
  const axis = {
    stroke: ink,
    grid: { stroke: style.getPropertyValue('--edge'), width: 1 },
    ticks: { show: false },
  };
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    axes: [
      { ...axis, space: 100, values: (_, ticks) => ticks.map((seconds) => clock.format(seconds * 1000)) },
      { ...axis, size: 48, values: (_, ticks) => ticks.map((value) => value.toLocaleString(locale)) },
    ],
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    series: [
      {},
      ...series.map(({ colour, dash }) => ({
        stroke: style.getPropertyValue(colour),
        width: 2,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] }),
      })),
    ],
  };
}

/** Changes with what decides the colours, which a canvas does not follow by itself. */
function useScheme(): string {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  return document.documentElement.dataset['theme'] ?? dark;
}
