// oidc-provider, an OpenID Connect provider that is certified, for the tests of the sign-in: people who sign in by their names
// with any password. Arguments: port, then the address of an api of each client, whose secret is in SECRET if there is one.

const { default: Provider } = await import(process.env.OIDC_PROVIDER);
const [port, confidential, open] = process.argv.slice(2);

const client = (id, api, more) => ({
  client_id: id,
  redirect_uris: [`${api}/sign-in/back`],
  post_logout_redirect_uris: [`${api}/sign-in/ended`],
  ...more,
});

const people = {
  ada: { groups: ['atelier-admin', 'everyone'] },
  otto: { groups: ['atelier-operator'], atelier_projects: ['vision', 'speech'] },
  stranger: { groups: ['everyone'] },
};

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    client('confidential', confidential, { client_secret: process.env.SECRET }),
    client('public', open, { token_endpoint_auth_method: 'none' }),
  ],
  findAccount: (_, name) =>
    people[name] && { accountId: name, claims: () => ({ sub: name, preferred_username: name, ...people[name] }) },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups', 'atelier_projects'] },
  conformIdTokenClaims: false, // what a scope names is in the ID token
  pkce: { required: () => true },
  cookies: { keys: [process.env.SECRET] },
});

// What an administrator of the provider does: PUT /people/NAME with the person's claims.
provider.use(async (call, next) => {
  if (call.method !== 'PUT') return next();
  let body = '';
  for await (const part of call.req) body += part;
  people[call.path.split('/').pop()] = JSON.parse(body);
  call.status = 204;
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
