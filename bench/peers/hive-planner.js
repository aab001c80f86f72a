// Hive's query planner in a process of its own, which it may abort: `{ id, sdl }` loads a supergraph, `{ id, document }`
// is answered with its plan.
import { QueryPlanner } from '@graphql-hive/router-query-planner';

// Of progressive @override: which choice it is changes the way, not the answer.
const NO_LABELS = new Set();
const PERCENT = 50;

let planner;

process.on('message', ({ id, sdl, document }) => {
  try {
    if (sdl !== undefined) planner = new QueryPlanner(sdl);
    process.send({
      id,
      plan: document === undefined ? undefined : planner.plan(document, null, NO_LABELS, PERCENT),
    });
  } catch (error) {
    process.send({ id, refusal: String(error?.message ?? error) });
  }
});
