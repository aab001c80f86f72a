import { type ReactNode, useState } from 'react';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';

const SHOWN_CHARACTERS = 300;
const COPIED_MS = 1500;

const T = {
  cut: text('{n} characters in all', '{n} caracteres en total'),
  none: text('none', 'ninguno'),
  copy: text('Copy {what}', 'Copiar {what}'),
  copied: text('Copied', 'Copiado'),
};

interface DataTextProps {
  readonly value: string | number | null | undefined;
  readonly isCode?: boolean;
  readonly longest?: number;
  /** Without its length where it is cut: it is not for reading. */
  readonly isId?: boolean;
}

/** What came from outside, as text: isolated from the direction of what is around it, and cut where it is long. */
export function DataText({
  value,
  isCode = false,
  longest = SHOWN_CHARACTERS,
  isId = false,
}: DataTextProps): ReactNode {
  const { t, locale } = useLanguage();
  if (value === null || value === undefined || value === '')
    return <span className="quiet">{t(T.none)}</span>;
  const whole = String(value);
  const shown = whole.length > longest ? `${whole.slice(0, longest)}…` : whole;
  return (
    <>
      <bdi className={isCode ? 'data code' : 'data'}>{shown}</bdi>
      {shown !== whole && !isId && (
        <span className="quiet"> ({t(T.cut, { n: whole.length.toLocaleString(locale) })})</span>
      )}
    </>
  );
}

/** An id with a button that copies it whole. */
export function CopyText({ value, what, short }: CopyTextProps): ReactNode {
  const { t } = useLanguage();
  const [isCopied, setCopied] = useState(false);
  if (value === null || value === undefined || value === '') return <DataText value={null} />;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(value);
    setCopied(true);
    setTimeout(() => {
      setCopied(false);
    }, COPIED_MS);
  };
  return (
    <span className="copy-text">
      <DataText value={value} isCode isId {...(short === undefined ? {} : { longest: short })} />
      <button
        type="button"
        className="copy"
        aria-label={t(T.copy, { what })}
        title={t(T.copy, { what })}
        onClick={() => void copy()}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {isCopied ? <path d="M3 8l4 4 6-8" /> : <path d="M6 5V2h8v9h-3M2 5h9v9H2z" />}
        </svg>
      </button>
      <span className="unseen" role="status">
        {isCopied ? t(T.copied) : ''}
      </span>
    </span>
  );
}

interface CopyTextProps {
  readonly value: string | null | undefined;
  /** What it is, for the button's name. */
  readonly what: string;
  readonly short?: number;
}
