const SENTENCES = {
  UNAUTHENTICATED: 'Your sign-in does not hold, or has expired. Please sign in again.',
  FORBIDDEN: 'You may not do this.',
  RATE_LIMITED: 'That was too quick. Please wait a moment.',
  GATEWAY_UNAVAILABLE: 'The service is not available now. Please try again in a while.',
};
const UNKNOWN = 'That did not work. Please try again.';

const element = (id) => document.getElementById(id);
let userToken;

/** The token of a signed-in user is in this page's memory alone. */
async function ask(operation, variables) {
  const response = await fetch(`/api/${operation}`, {
    method: 'POST',
    credentials: 'omit',
    headers: {
      'content-type': 'application/json',
      ...(userToken === undefined ? {} : { authorization: `Bearer ${userToken}` }),
    },
    body: JSON.stringify({ variables }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(SENTENCES[answer.error] ?? UNKNOWN);
  return answer;
}

function cell(text, refused) {
  const td = document.createElement('td');
  td.textContent = refused ? 'not for you' : (text ?? '');
  td.className = refused ? 'refused' : '';
  return td;
}

function row(lead, refusedFields) {
  const tr = document.createElement('tr');
  tr.dataset.id = lead.id;
  const contact = lead.contact === null ? null : `${lead.contact.name}, ${lead.contact.email}`;
  tr.append(
    cell(lead.company),
    cell(String(lead.score)),
    cell(lead.status),
    cell(lead.campaign?.name, refusedFields.has('campaign')),
    cell(contact, refusedFields.has('contact')),
  );
  return tr;
}

async function show() {
  element('message').textContent = '';
  try {
    const { data, refused, auditId } = await ask('leads', { first: 20 });
    const fields = new Set(refused.map(({ path }) => path.split('.').at(-1)));
    element('leads').replaceChildren(...(data?.leads ?? []).map((lead) => row(lead, fields)));
    const lines = new Set(refused.map(({ path, code }) => `${path.replace('.@', '')}: ${code}`));
    element('refused').hidden = lines.size === 0;
    element('refused')
      .querySelector('ul')
      .replaceChildren(
        ...[...lines].map((line) => {
          const item = document.createElement('li');
          item.textContent = line;
          return item;
        }),
      );
    element('audit').textContent = `Recorded in the audit log as ${auditId}`;
    const who = (await ask('whoami', {})).data?.whoami;
    element('who').textContent = who ? `${who.subject} (${who.roles.join(', ')})` : '';
  } catch (error) {
    element('leads').replaceChildren();
    element('refused').hidden = true;
    element('who').textContent = '';
    element('message').textContent = error instanceof TypeError ? UNKNOWN : error.message;
  }
}

/** Changes as they happen, in what the page may show to anybody: score and status. */
new EventSource('/api/lead-changes').addEventListener('lead', ({ data }) => {
  const { id, score, status } = JSON.parse(data);
  for (const { dataset, cells } of element('leads').rows) {
    if (dataset.id !== id) continue;
    cells[1].textContent = String(score);
    cells[2].textContent = status;
  }
});

element('user').addEventListener('submit', (event) => {
  event.preventDefault();
  userToken = element('token').value.trim() || undefined;
  element('token').value = '';
  element('leave').hidden = userToken === undefined;
  void show();
});
element('leave').addEventListener('click', () => {
  userToken = undefined;
  element('leave').hidden = true;
  void show();
});
void show();
