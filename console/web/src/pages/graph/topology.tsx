import type { ReactNode } from 'react';
import type { GatewayStatus, SubgraphStatus } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { toneOf } from '../../parts/mark.tsx';

const ROW = 62;
const WIDTH = 640;
const BOX = { width: 180, height: 44 };
const T = {
  summary: text('The gateway calls {names}.', 'La pasarela llama a {names}.'),
  one: text(
    '{name} ({rate} calls per second, circuit breaker {circuit})',
    '{name} ({rate} llamadas por segundo, disyuntor {circuit})',
  ),
  rate: text('{n}/s', '{n}/s'),
};

/** The gateway and its subgraphs, each with its call rate, its slowest calls and its circuit breaker. */
export function Topology({ status }: { readonly status: GatewayStatus }): ReactNode {
  const { t, locale } = useLanguage();
  const number = (value: number): string => value.toLocaleString(locale, { maximumFractionDigits: 1 });
  const { subgraphs } = status;
  const height = Math.max(1, subgraphs.length) * ROW;
  const middle = height / 2;
  const names = subgraphs.map(({ name, callsPerSecond, circuit }) =>
    t(T.one, { name, rate: number(callsPerSecond), circuit }),
  );
  return (
    <svg
      className="topology"
      role="img"
      viewBox={`0 0 ${String(WIDTH)} ${String(height)}`}
      aria-label={t(T.summary, { names: names.join(', ') })}
    >
      {subgraphs.map(({ name, callsPerSecond }, at) => {
        const y = at * ROW + ROW / 2;
        return (
          <g key={name}>
            <path
              className={callsPerSecond > 0 ? 'busy' : ''}
              strokeWidth={1 + Math.min(6, Math.log2(1 + callsPerSecond))}
              d={`M${String(BOX.width)} ${String(middle)}C${String(WIDTH / 2)} ${String(middle)} ${String(WIDTH / 2 - 40)} ${String(y)} ${String(WIDTH - BOX.width)} ${String(y)}`}
            />
            <text className="rate" x={WIDTH - BOX.width - 40} y={y - 6}>
              {t(T.rate, { n: number(callsPerSecond) })}
            </text>
          </g>
        );
      })}
      <Box
        x={0}
        y={middle}
        name="gateway"
        tone={toneOf(status.health.status)}
        more={`${number(status.requests.perSecond)}/s`}
      />
      {subgraphs.map((subgraph, at) => (
        <Box
          key={subgraph.name}
          x={WIDTH - BOX.width}
          y={at * ROW + ROW / 2}
          name={subgraph.name}
          tone={worseOf(subgraph)}
          more={[
            subgraph.circuit,
            subgraph.p99Milliseconds === null ? '' : `p99 ${number(subgraph.p99Milliseconds)} ms`,
          ]
            .filter((part) => part !== '')
            .join(' · ')}
        />
      ))}
    </svg>
  );
}

function worseOf({ health, circuit }: SubgraphStatus): string {
  const tones = [toneOf(health), toneOf(circuit)];
  return tones.find((tone) => tone === 'bad') ?? tones.find((tone) => tone === 'warn') ?? 'good';
}

interface BoxProps {
  readonly x: number;
  readonly y: number;
  readonly name: string;
  readonly tone: string;
  readonly more: string;
}

function Box({ x, y, name, tone, more }: BoxProps): ReactNode {
  return (
    <g className={tone} transform={`translate(${String(x)} ${String(y - BOX.height / 2)})`}>
      <rect x="1" y="1" width={BOX.width - 2} height={BOX.height - 2} rx="8" />
      <text x={BOX.width / 2} y="18">
        {name.slice(0, 26)}
      </text>
      <text x={BOX.width / 2} y="34" className="rate">
        {more}
      </text>
    </g>
  );
}
