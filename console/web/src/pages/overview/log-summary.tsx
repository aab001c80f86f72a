import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { LogSummaryShape, SinkShape } from '../../graphql/shapes.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { IntegrityMark, Mark } from '../../parts/mark.tsx';
import { Facts } from '../../parts/page.tsx';

const T = {
  state: text('State', 'Estado'),
  size: text('Events', 'Eventos'),
  verified: text('Verified', 'Verificados'),
  lag: text('Not yet signed', 'Aún sin firmar'),
  gaps: text('Gaps', 'Huecos'),
  uncounted: text('Sources beyond their account', 'Orígenes que exceden su cuenta'),
  sinks: text('Behind in the SIEM', 'Pendientes en el SIEM'),
  noSinks: text('no sink is configured', 'no hay ningún destino configurado'),
};

export function LogSummary({ integrity }: { readonly integrity: LogSummaryShape }): ReactNode {
  const { t, locale } = useLanguage();
  const count = (value: string): string => Number(value).toLocaleString(locale);
  const { status, size, verifiedSize, lag, holes, overBound, sinks } = integrity;
  return (
    <Facts
      facts={[
        [
          t(T.state),
          <Link key="state" to="/integrity">
            <IntegrityMark status={status} />
          </Link>,
        ],
        [t(T.size), count(size)],
        [t(T.verified), count(verifiedSize)],
        [t(T.lag), count(lag)],
        [t(T.gaps), holes.length.toLocaleString(locale)],
        ...(overBound.length === 0
          ? []
          : [
              [
                t(T.uncounted),
                <DataText key="uncounted" value={overBound.map(({ peer }) => peer).join(', ')} />,
              ] as const,
            ]),
        [t(T.sinks), sinks.length === 0 ? t(T.noSinks) : <SinkLags key="sinks" sinks={sinks} />],
      ]}
    />
  );
}

function SinkLags({ sinks }: { readonly sinks: readonly SinkShape[] }): ReactNode {
  const { locale } = useLanguage();
  return (
    <ul className="plain">
      {sinks.map(({ name, lag, lastError }) => (
        <li key={name}>
          <Mark tone={lastError === null ? 'good' : 'bad'}>
            <DataText value={name} />: {Number(lag).toLocaleString(locale)}
          </Mark>
          {lastError !== null && (
            <>
              {' '}
              <DataText value={lastError} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
