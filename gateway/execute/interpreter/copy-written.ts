/** Execute, interpreter: a tree of its own for what fetches write, that shares all else. */

import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import type { FetchStep, Step } from '../shared/plan-steps.ts';
import type { SelectionTree } from '../shared/selection-tree.ts';

/** The keys under which objects may be written to; lists are passed through. */
export type Written = ReadonlyMap<string, Written>;

type Growing = Map<string, Growing>;

/** What the fetches of a step may write to: the objects at the end of their paths, and those that they select below. */
export function findWritten(step: Step): Written {
  const written: Growing = new Map();
  addStep(written, step);
  return written;
}

/** A copy that shares with its source what is not written to. */
export function copyWritten(value: unknown, written: Written): unknown {
  if (Array.isArray(value)) return value.map((element) => copyWritten(element, written));
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = { ...value };
  for (const [key, below] of written) {
    const known = getOwn(copy, key);
    if (typeof known === 'object' && known !== null) setOwn(copy, key, copyWritten(known, below));
  }
  return copy;
}

function addStep(written: Growing, step: Step | undefined): void {
  switch (step?.kind) {
    case undefined:
      return;
    case 'fetch':
      addFetch(written, step);
      return;
    case 'sequence':
    case 'parallel':
      for (const one of step.steps) addStep(written, one);
      return;
    case 'condition':
      addStep(written, step.then);
      addStep(written, step.otherwise);
      return;
    case 'defer':
      addStep(written, step.primary);
      for (const { step: later } of step.deferred) addStep(written, later);
  }
}

function addFetch(written: Growing, { path, tree }: FetchStep): void {
  let target = written;
  for (const { field } of path) if (field !== undefined) target = below(target, field);
  addSelections(target, tree);
}

function addSelections(written: Growing, tree: SelectionTree): void {
  for (const [key, selections] of tree)
    if (selections !== null) addSelections(below(written, key), selections);
}

function below(written: Growing, key: string): Growing {
  const known = written.get(key) ?? new Map<string, Growing>();
  written.set(key, known);
  return known;
}
