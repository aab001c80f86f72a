import type { ReactNode } from 'react';
import type { GatewayStatus, ServiceShape } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Mark, toneOf } from '../../parts/mark.tsx';
import { DataTable } from '../../parts/page.tsx';

const T = {
  label: text('Services with health and circuit breakers', 'Servicios, su salud y sus disyuntores'),
  service: text('Service', 'Servicio'),
  health: text('Health', 'Salud'),
  circuit: text('Circuit breaker', 'Disyuntor'),
  calls: text('Calls per second', 'Llamadas por segundo'),
  failures: text('Failures per second', 'Fallos por segundo'),
  slowest: text('p99', 'p99'),
  suspended: text('suspended', 'suspendido'),
};

interface ServiceStatesProps {
  readonly status: GatewayStatus;
  readonly services: readonly ServiceShape[];
}

export function ServiceStates({ status, services }: ServiceStatesProps): ReactNode {
  const { t, locale } = useLanguage();
  const number = (value: number): string => value.toLocaleString(locale, { maximumFractionDigits: 1 });
  const suspended = new Set(services.filter((service) => service.suspended).map(({ id }) => id));
  const rows = status.subgraphs.map((subgraph) => ({
    key: subgraph.name,
    cells: [
      <DataText key="name" value={subgraph.name} />,
      suspended.has(subgraph.service) ? (
        <Mark tone="bad">{t(T.suspended)}</Mark>
      ) : (
        <Mark tone={toneOf(subgraph.health)}>{subgraph.health}</Mark>
      ),
      <Mark key="circuit" tone={toneOf(subgraph.circuit)}>
        {subgraph.circuit}
      </Mark>,
      number(subgraph.callsPerSecond),
      number(subgraph.failuresPerSecond),
      subgraph.p99Milliseconds === null ? '–' : `${number(subgraph.p99Milliseconds)} ms`,
    ],
  }));
  const gateway = {
    key: 'gateway',
    cells: [
      'gateway',
      <Mark key="health" tone={toneOf(status.health.status)}>
        {status.health.status}
      </Mark>,
      '–',
      number(status.requests.perSecond),
      number(status.requests.failedPerSecond),
      status.requests.p99Milliseconds === null ? '–' : `${number(status.requests.p99Milliseconds)} ms`,
    ],
  };
  const head = [T.service, T.health, T.circuit, T.calls, T.failures, T.slowest].map((name) => t(name));
  return <DataTable label={t(T.label)} head={head} rows={[gateway, ...rows]} />;
}
