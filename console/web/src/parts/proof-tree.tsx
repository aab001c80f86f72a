import type { ReactNode } from 'react';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { toHex, type Bytes } from '../verification/bytes.ts';
import type { EventVerdict } from '../verification/verify-event.ts';

const ROW = 64;
const MIDDLE = 180;
const SHIFT = 118;
const WIDTH = 360;
const BOX = { width: 104, height: 34 };
const SHOWN = 10;
const T = {
  summary: text(
    'The inclusion proof as a tree: the hash of entry {index} is combined with {count} other hashes, one on each level, into the root.',
    'La prueba de inclusión como árbol: el resumen de la entrada {index} se combina con otros {count}, uno por nivel, hasta la raíz.',
  ),
  event: text('this event', 'este evento'),
  root: text('root', 'raíz'),
  given: text('given', 'dado'),
};

interface ProofTreeProps {
  readonly index: number;
  readonly size: number;
  readonly verdict: EventVerdict;
}

/** From the event at the bottom to the root at the top: computed hashes in the middle, given ones on their side. */
export function ProofTree({ index, verdict }: ProofTreeProps): ReactNode {
  const { t } = useLanguage();
  const { steps, leaf, isIncluded } = verdict;
  if (steps === undefined) return null;
  const height = (steps.length + 1) * ROW;
  const yOf = (level: number): number => height - ROW / 2 - level * ROW;
  return (
    <svg
      className={isIncluded ? 'proof good' : 'proof bad'}
      role="img"
      aria-label={t(T.summary, { index, count: steps.length })}
      viewBox={`0 0 ${String(WIDTH)} ${String(height)}`}
      width={WIDTH}
      height={height}
    >
      {steps.map(({ side, sibling, from, to }, level) => {
        const x = side === 'left' ? MIDDLE - SHIFT : MIDDLE + SHIFT;
        const y = yOf(level);
        return (
          <g key={toHex(sibling) + String(level)}>
            <path className="edge" d={`M${String(MIDDLE)} ${String(y)}V${String(yOf(level + 1))}`} />
            <path
              className="edge"
              d={`M${String(x)} ${String(y)}Q${String(x)} ${String(yOf(level + 1))} ${String(MIDDLE)} ${String(yOf(level + 1))}`}
            />
            <Node x={x} y={y} hash={sibling} label={t(T.given)} kind="given" />
            <title>{`${String(from)}–${String(to - 1)}`}</title>
          </g>
        );
      })}
      <Node x={MIDDLE} y={yOf(0)} hash={leaf} label={`${t(T.event)} · ${String(index)}`} kind="leaf" />
      {steps.map(({ parent, from, to }, level) => (
        <Node
          key={toHex(parent)}
          x={MIDDLE}
          y={yOf(level + 1)}
          hash={parent}
          label={level === steps.length - 1 ? t(T.root) : `${String(from)}–${String(to - 1)}`}
          kind={level === steps.length - 1 ? 'root' : 'computed'}
        />
      ))}
    </svg>
  );
}

interface NodeProps {
  readonly x: number;
  readonly y: number;
  readonly hash: Bytes;
  readonly label: string;
  readonly kind: 'given' | 'leaf' | 'computed' | 'root';
}

function Node({ x, y, hash, label, kind }: NodeProps): ReactNode {
  return (
    <g
      className={`node ${kind}`}
      transform={`translate(${String(x - BOX.width / 2)} ${String(y - BOX.height / 2)})`}
    >
      <rect width={BOX.width} height={BOX.height} rx="6" />
      <text x={BOX.width / 2} y="14">
        {label}
      </text>
      <text x={BOX.width / 2} y="27" className="hash">
        {toHex(hash).slice(0, SHOWN)}…
      </text>
    </g>
  );
}
