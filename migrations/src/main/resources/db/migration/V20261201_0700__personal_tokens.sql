-- People whom the provider lets in, their tokens for scripts, and their browsers.
create table person (
  id           text primary key,
  issuer       text not null,
  subject      text not null,                -- sub, the provider's own name for the person
  name         text not null,                -- as the audit shows it
  role         text not null,                -- what the provider last said: no token of theirs may do more
  projects     text[] not null,              -- empty: all of them, for an admin
  signed_in_at timestamptz not null default now(),
  unique (issuer, subject)
);

alter table api_token add column person text references person (id) on delete cascade;
alter table api_token add column last_used_at timestamptz; -- to the minute
create index api_token_by_person on api_token (person) where person is not null;

-- A browser is let in as the caller of a token, or as a person.
alter table browser_session alter column token_id drop not null;
alter table browser_session add column person text references person (id) on delete cascade;
alter table browser_session add constraint browser_session_of_one check (num_nonnulls(token_id, person) = 1);
