import { type ReactNode, useEffect, useRef } from 'react';
import type { Text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';

interface PageProps {
  readonly title: Text;
  readonly children: ReactNode;
  readonly aside?: ReactNode;
}

/** One page: its title is the document's, and what a screen reader begins with after a link was followed. */
export function Page({ title, children, aside }: PageProps): ReactNode {
  const { t } = useLanguage();
  const heading = useRef<HTMLHeadingElement>(null);
  const name = t(title);
  useEffect(() => {
    document.title = `${name} · Aduana`;
  }, [name]);
  useEffect(() => {
    // At the first load the browser is at the top of the page already.
    if (document.activeElement !== null && document.activeElement !== document.body) heading.current?.focus();
  }, []);
  return (
    <>
      <header className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {name}
        </h1>
        {aside}
      </header>
      {children}
    </>
  );
}

interface SectionProps {
  readonly title: Text;
  readonly children: ReactNode;
  readonly aside?: ReactNode;
}

export function Section({ title, children, aside }: SectionProps): ReactNode {
  const { t } = useLanguage();
  return (
    <section className="section">
      <header>
        <h2>{t(title)}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Empty({ children }: { readonly children: ReactNode }): ReactNode {
  return <p className="notice quiet">{children}</p>;
}

/** Names and values, one below the other where there is no width. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that is scrolled sideways, by keyboard too, where it is wider than the page. */
export function DataTable({ label, head, rows }: DataTableProps): ReactNode {
  return (
    <div className="table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, at) => (
                <td key={head[at]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface DataTableProps {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}
