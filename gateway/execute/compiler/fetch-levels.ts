/** Execute, compiler, analysis: which fetches wait for which. */

import type { FetchStep, Step } from '../shared/plan-steps.ts';

/**
 * The fetches of a plan by what they wait for: those of a level depend on earlier levels alone. Undefined where the
 * plan is not fixed beforehand.
 */
export function fetchLevels(step: Step): FetchStep[][] | undefined {
  const levels: FetchStep[][] = [];
  const open: Step[] = [];
  const place = (node: Step, from: number): number => {
    switch (node.kind) {
      case 'fetch':
        (levels[from] ??= []).push(node);
        return from + 1;
      case 'sequence':
        return node.steps.reduce((level, child) => place(child, level), from);
      case 'parallel':
        return Math.max(from, ...node.steps.map((child) => place(child, from)));
      case 'condition':
      case 'defer':
        open.push(node);
        return from;
    }
  };
  place(step, 0);
  return open.length === 0 ? levels : undefined;
}
