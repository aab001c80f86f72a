import type { ReactNode } from 'react';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { CopyText, DataText } from '../../parts/data-text.tsx';
import { Facts } from '../../parts/page.tsx';
import type { RecordedEvent } from './recorded-event.ts';

const T = {
  chain: text('From the caller to the service that recorded it', 'Del llamante al servicio que lo registró'),
  subject: text('for whom', 'para quién'),
  acts: text('acts for them', 'actúa por él'),
  records: text('recorded it', 'lo registró'),
  client: text('Client', 'Cliente'),
  method: text('Authenticated by', 'Autenticado con'),
  certificate: text('Certificate (x5t#S256)', 'Certificado (x5t#S256)'),
  address: text('Address', 'Dirección'),
};

/** The subject, everyone who acted for it, the innermost first, and the service that recorded it. */
export function WhoThroughWhom({ recorded }: { readonly recorded: RecordedEvent }): ReactNode {
  const { t } = useLanguage();
  const { actor, source, address } = recorded;
  const chain = [
    { name: actor.sub, role: t(T.subject) },
    ...[...actor.act].reverse().map((name) => ({ name, role: t(T.acts) })),
    { name: source.peer, role: t(T.records) },
  ];
  return (
    <>
      <ol className="chain" aria-label={t(T.chain)}>
        {chain.map(({ name, role }, at) => (
          <li key={`${String(at)} ${name ?? ''}`}>
            <strong>
              <DataText value={name} />
            </strong>
            <span className="quiet">{role}</span>
          </li>
        ))}
      </ol>
      <Facts
        facts={[
          [t(T.client), <DataText key="client" value={actor.clientId} />],
          [t(T.method), <DataText key="method" value={actor.authMethod} />],
          [t(T.certificate), <CopyText key="certificate" value={actor.thumbprint} what="x5t#S256" />],
          [t(T.address), <DataText key="address" value={address} />],
        ]}
      />
    </>
  );
}
