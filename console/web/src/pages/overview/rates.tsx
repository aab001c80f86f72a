import { type ReactNode, useMemo } from 'react';
import type { GatewayStatus } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { LineChart } from '../../parts/line-chart.tsx';

const SPAN_SECONDS = 5;
const T = {
  requests: text('Requests per second', 'Peticiones por segundo'),
  refused: text('Refusals per second', 'Rechazos por segundo'),
  failed: text('Errors per second', 'Errores por segundo'),
  median: text('Median', 'Mediana'),
  slowest: text('Slowest 1 % (p99)', '1 % más lento (p99)'),
  summary: text(
    'Over the last five minutes: {requests} requests, {refused} refusals and {failed} errors per second now.',
    'En los últimos cinco minutos; ahora, por segundo: {requests} peticiones, {refused} rechazos y {failed} errores.',
  ),
  milliseconds: text('{n} ms', '{n} ms'),
};

/** Requests, refusals and errors per second, now and over the last minutes, and how long they take. */
export function Rates({ status }: { readonly status: GatewayStatus }): ReactNode {
  const { t, locale } = useLanguage();
  const number = (value: number): string => value.toLocaleString(locale, { maximumFractionDigits: 1 });
  const duration = (value: number | null): string =>
    value === null ? '–' : t(T.milliseconds, { n: number(value) });
  const { requests, history } = status;
  const series = useMemo(
    () => [
      { name: t(T.requests), colour: '--accent', values: perSecond(history, 'requests') },
      { name: t(T.refused), colour: '--warn', dash: [8, 4], values: perSecond(history, 'refused') },
      { name: t(T.failed), colour: '--bad', dash: [2, 3], values: perSecond(history, 'failed') },
    ],
    [history, t],
  );
  const times = useMemo(() => history.map(({ time }) => new Date(time).getTime() / 1000), [history]);
  const now = {
    requests: number(requests.perSecond),
    refused: number(requests.refusedPerSecond),
    failed: number(requests.failedPerSecond),
  };
  const figures = [
    [t(T.requests), now.requests],
    [t(T.refused), now.refused],
    [t(T.failed), now.failed],
    [t(T.median), duration(requests.p50Milliseconds)],
    [t(T.slowest), duration(requests.p99Milliseconds)],
  ] as const;
  return (
    <>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <LineChart summary={t(T.summary, now)} times={times} series={series} />
    </>
  );
}

function perSecond(
  history: GatewayStatus['history'],
  what: 'requests' | 'refused' | 'failed',
): readonly number[] {
  return history.map((span) => span[what] / SPAN_SECONDS);
}
