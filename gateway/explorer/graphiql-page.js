import { ask, askForResults, hasCaller, onCaller } from './caller.js';
import { IN_PARTS, STREAMED } from './results.js';

const FIRST_QUERY = `# Choose a caller above: what you see of the schema is what it may use.
{
  leads {
    company
    score
    contact {
      email
    }
  }
}
`;

const { React, ReactDOM, GraphiQL } = window;
const root = ReactDOM.createRoot(document.getElementById('explorer'));
let callers = 0;

/** Before a caller is chosen the editor's own introspection is not sent: it would be refused and recorded. */
async function fetcher(request, { headers } = {}) {
  if (!hasCaller() && request.operationName === 'IntrospectionQuery')
    return { errors: [{ message: 'Choose a caller first' }] };
  const accept = acceptOf(request);
  if (accept !== undefined) return askForResults(JSON.stringify(request), headers, accept);
  const { text } = await ask(JSON.stringify(request), headers);
  return JSON.parse(text);
}

/** What an operation with more than one result is asked for with; a query that only looks like one is answered as well. */
function acceptOf({ query, operationName }) {
  const [, ...names] = query.split(/\bsubscription\b/).map((text) => /^\s*(\w*)/.exec(text)[1]);
  if (operationName ? names.includes(operationName) : names.length > 0) return STREAMED;
  return /@defer\b/.test(query) ? IN_PARTS : undefined;
}

/** A new caller sees a new schema: the editor starts afresh. */
function render() {
  callers += 1;
  root.render(
    React.createElement(GraphiQL, {
      key: String(callers),
      fetcher,
      defaultQuery: FIRST_QUERY,
      shouldPersistHeaders: false,
    }),
  );
}

onCaller(render);
render();
