-- What lets a browser in as the caller of an API token: a link that works once, and the cookie that
-- it is exchanged for. The token itself is in neither.
create table browser_session (
  sha256     text primary key,               -- of the secret, which is kept nowhere
  kind       text not null,                  -- LINK, COOKIE
  token_id   text not null references api_token (id) on delete cascade,
  expires_at timestamptz not null
);

create index browser_session_expires on browser_session (expires_at);
