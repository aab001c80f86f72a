import { ask, hasCaller, onCaller } from './caller.js';

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
  const { text } = await ask(JSON.stringify(request), headers);
  return JSON.parse(text);
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
