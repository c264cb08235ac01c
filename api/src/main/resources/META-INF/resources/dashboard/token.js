// Who asks, where the server wants to know. A provider of the server's signs people in, in a page of its own; else a token is
// entered, and exchanged for a cookie that no script reads. On a page without TLS from another machine, where browsers do not
// say who asks and the server so trusts no cookie, the tab keeps the token, and nobody can be signed in.

const KEY = 'atelier-token';
const PAGE = 'atelier-page'; // what was asked for before the way to the provider
const cookies = window.isSecureContext; // loopback counts as secure
const signedIn = new BroadcastChannel('atelier-signed-in'); // tells the other tabs
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
  const asked = sessionStorage.getItem(PAGE);
  sessionStorage.removeItem(PAGE);
  if (asked?.startsWith('#') && !location.hash) history.replaceState(null, '', asked);
  const [, given, page = ''] = location.hash.match(/^#code=([^&]*)&?(.*)$/) || [];
  if (given === undefined) return;
  history.replaceState(null, '', `${location.pathname}${page ? `#${page}` : ''}`);
  const refusal = await keep(decodeURIComponent(given));
  if (refusal) await askForToken(refusal);
}

/** Asks who the user is; several requests that were refused at once wait for the same answer. */
export function askForToken(why) {
  asking ??= ask(why).finally(() => {
    asking = null;
  });
  return asking;
}

async function ask(why) {
  const provider = cookies ? await fetch('sign-in/provider').then((answer) => (answer.ok ? answer.json() : {})) : {};
  return provider.name ? askForSignIn(provider.name) : askForText(why);
}

function openDialog(html) {
  const dialog = document.createElement('dialog');
  dialog.innerHTML = html;
  dialog.setAttribute('aria-label', dialog.querySelector('h2').textContent);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      done(dialog);
    });
  });
}

async function askForText(why) {
  const closed = openDialog(`<form method="dialog"><h2>This server asks who you are</h2><p class="soft flush"></p>
      <div class="field"><label for="token">Token</label><input id="token" type="password" autocomplete="off" spellcheck="false" required placeholder="atl_…"></div>
      <p class="soft small flush">An API token or one of your provider; of a local stack, what ./atelier token prints. It is kept until ${cookies ? 'the browser' : 'this tab'} is closed.</p>
      <div class="row"><button type="submit">Go on</button></div></form>`);
  document.querySelector('dialog:last-of-type p').textContent = refused || why;
  const given = (await closed).querySelector('input').value.trim();
  refused = given ? await keep(given) : '';
  return Boolean(given);
}

/** A page that shows something stays as it is, with what was typed into it: the provider's page comes in a tab beside it. */
async function askForSignIn(name) {
  const isShown = document.getElementById('main').childElementCount > 0;
  const closed = openDialog(`<form method="dialog"><h2>${isShown ? 'Your session has ended' : 'This server asks who you are'}</h2>
      <p class="soft flush">${isShown ? 'What you typed stays here. Sign in again in a tab of its own; this page goes on by itself.' : 'You sign in on a page of your provider, which leads back here.'}</p>
      <div class="row"><button type="button" id="sign-in"></button><button type="submit" class="quiet" ${isShown ? '' : 'hidden'}>Not now</button></div></form>`);
  const dialog = document.querySelector('dialog:last-of-type');
  const button = dialog.querySelector('#sign-in');
  let tab = null;
  let isIn = false;
  button.textContent = `Sign in with ${name}`;
  button.addEventListener('click', () => {
    if (isShown) {
      tab = window.open('sign-in', '_blank');
    } else {
      sessionStorage.setItem(PAGE, location.hash);
      location.assign('sign-in');
    }
  });
  signedIn.onmessage = () => {
    isIn = true;
    tab?.close();
    dialog.close();
  };
  await closed;
  signedIn.onmessage = null;
  return isIn;
}

/** Who the server takes the browser for, without a question; null: it does not know, or asks nobody. */
export async function caller() {
  const answer = await fetch('api/v1/whoami', { headers: authorization() });
  if (!answer.ok) return null;
  const who = await answer.json();
  if (who.name === 'anyone') return null;
  signedIn.postMessage('');
  return who;
}

/** Ends the session here, and leads to where the provider ends its own. */
export async function signOut() {
  const answer = await fetch('api/v1/session', { method: 'DELETE', headers: authorization() });
  sessionStorage.removeItem(KEY);
  const { provider } = answer.status === 200 ? await answer.json() : {};
  if (provider) location.assign(provider);
  else location.reload();
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
