// Requests, the token, and the stream of events.

const BASE = "/api/v1";
let token = null;

export function takeToken() {
  // Behind the # it never left the browser; there it is taken away from the address bar as well.
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  token = sessionStorage.getItem("token");
}

export function setToken(value) {
  token = value.trim();
  sessionStorage.setItem("token", token);
}

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.limit ? `${problem.detail} (${problem.limit})` : problem.detail);
    this.status = status;
    this.field = problem.field;
  }
}

function headers(more = {}) {
  return token ? { Authorization: `Bearer ${token}`, ...more } : more;
}

export async function call(method, path, body) {
  const answer = await fetch(BASE + path, {
    method,
    headers: headers(body === undefined ? {} : { "Content-Type": "application/json" }),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({ detail: answer.statusText }));
    throw new Refused(answer.status, problem);
  }
  return answer.status === 204 ? null : answer.json();
}

export async function save(path, name) {
  const answer = await fetch(BASE + path, { headers: headers() });
  if (!answer.ok) throw new Refused(answer.status, await answer.json());
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// fetch and not EventSource: only it can carry a token in a header.
export async function listen(path, signal, onEvent) {
  const answer = await fetch(BASE + path, { headers: headers(), signal });
  if (!answer.ok) throw new Refused(answer.status, await answer.json());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block);
      const data = /^data: (.*)$/m.exec(block);
      if (name && data) onEvent(name[1], JSON.parse(data[1]));
    }
  }
}
