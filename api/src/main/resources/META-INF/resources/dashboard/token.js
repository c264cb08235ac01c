// The token that a server with authentication asks for. It is exchanged for a cookie that no script reads; on a page
// without TLS from another machine, where browsers do not say who asks and the server so trusts no cookie, the tab keeps it.

const KEY = 'atelier-token';
const cookies = window.isSecureContext; // loopback counts as secure
let asking = null;
let refused = ''; // why the token that was entered last is of no use

/** The token of the tab; none where a cookie has it. */
export const token = () => (cookies ? '' : sessionStorage.getItem(KEY) || '');

/** The headers that say who asks. */
export const authorization = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

/** Keeps it; the answer is the sentence with which the server refuses it. */
async function keep(given) {
  if (!cookies) {
    sessionStorage.setItem(KEY, given);
    return '';
  }
  try {
    const answer = await fetch('api/v1/session', { method: 'POST', headers: { Authorization: `Bearer ${given}` } });
    return answer.ok ? '' : (await answer.json()).detail || '';
  } catch {
    return ''; // what the page asks for next says that the server is away
  }
}

/** Takes the code out of the link that the terminal shows, #code=…; it works once, since the browser's history keeps it. */
export async function takeFromAddress() {
  const [, given, page = ''] = location.hash.match(/^#code=([^&]*)&?(.*)$/) || [];
  if (given === undefined) return;
  history.replaceState(null, '', `${location.pathname}${page ? `#${page}` : ''}`);
  const refusal = await keep(decodeURIComponent(given));
  if (refusal) await askForToken(refusal);
}

/** Asks for a token; several requests that were refused at once wait for the same answer. */
export function askForToken(why) {
  asking ??= new Promise((done) => {
    const dialog = document.createElement('dialog');
    dialog.innerHTML = `<form method="dialog"><h2>This server asks who you are</h2><p class="soft flush"></p>
      <div class="field"><label for="token">Token</label><input id="token" type="password" autocomplete="off" spellcheck="false" required placeholder="atl_…"></div>
      <p class="soft small flush">An API token or one of your provider; of a local stack, what ./atelier token prints. It is kept until ${cookies ? 'the browser' : 'this tab'} is closed.</p>
      <div class="row"><button type="submit">Go on</button></div></form>`;
    dialog.querySelector('p').textContent = refused || why;
    dialog.addEventListener('close', async () => {
      const given = dialog.querySelector('input').value.trim();
      dialog.remove();
      refused = given ? await keep(given) : '';
      asking = null;
      done(Boolean(given));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

/** Lets images and links of the API carry the token, which a browser would not send with them. */
export function carryToken(element) {
  const of = (name) => element.getAttribute(name) || '';
  const isApi = (address) => /^(\/|\.\/)?api\/v1\//.test(address);
  if (element.localName === 'img' && isApi(of('src')) && token()) {
    const source = of('src');
    element.removeAttribute('src');
    blobOf(source).then(
      (url) => {
        element.src = url;
      },
      () => {
        element.alt = 'The image cannot be loaded.';
      },
    );
  } else if (element.localName === 'a' && isApi(of('href'))) {
    element.addEventListener('click', async (e) => {
      if (!token()) return;
      e.preventDefault();
      const link = document.createElement('a');
      link.href = await blobOf(of('href'));
      if (element.hasAttribute('download')) link.download = of('download') || of('href').split('/').pop();
      else link.target = '_blank';
      link.click();
    });
  }
  return element;
}

async function blobOf(address) {
  const answer = await fetch(address, { headers: authorization() });
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return URL.createObjectURL(await answer.blob());
}

/** What EventSource does, with the token: reads events, and comes back with the last one's id. */
export function eventStream(address, listeners) {
  const stop = new AbortController();
  let last = '';
  (async () => {
    while (!stop.signal.aborted) {
      try {
        const answer = await fetch(address, {
          signal: stop.signal,
          headers: { Accept: 'text/event-stream', ...authorization(), ...(last ? { 'Last-Event-ID': last } : {}) },
        });
        if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          text = (text + part.value).replaceAll('\r\n', '\n');
          for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
            tell(text.slice(0, end));
            text = text.slice(end + 2);
          }
        }
      } catch {
        if (stop.signal.aborted) return;
      }
      await new Promise((again) => setTimeout(again, 3000));
    }
  })();

  function tell(lines) {
    const of = (name) =>
      lines
        .split('\n')
        .filter((l) => l.startsWith(`${name}:`))
        .map((l) => l.slice(name.length + 1).replace(/^ /, ''))
        .join('\n');
    if (of('id')) last = of('id');
    const name = of('event') || 'message';
    if (listeners[name] && of('data')) listeners[name]({ data: of('data') });
  }

  return { close: () => stop.abort() };
}
