import { type RefObject, useEffect, useState } from 'react';

const OVERSCAN = 12;

export interface VisibleRows {
  /** Index of the first row that is rendered. */
  readonly from: number;
  /** One after the last. */
  readonly to: number;
  /** Pixels. */
  readonly above: number;
  readonly below: number;
}

/** Which rows of one height a scrolled element shows, with some more on either side. */
export function useVirtualRows(
  element: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): VisibleRows {
  const [{ top, height }, setWindow] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const scrolled = element.current;
    if (scrolled === null) return undefined;
    const read = (): void => {
      setWindow({ top: scrolled.scrollTop, height: scrolled.clientHeight });
    };
    const observer = new ResizeObserver(read);
    observer.observe(scrolled);
    scrolled.addEventListener('scroll', read, { passive: true });
    return () => {
      observer.disconnect();
      scrolled.removeEventListener('scroll', read);
    };
  }, [element]);
  const from = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - OVERSCAN));
  const to = Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN);
  return { from, to, above: from * rowHeight, below: Math.max(0, count - to) * rowHeight };
}
