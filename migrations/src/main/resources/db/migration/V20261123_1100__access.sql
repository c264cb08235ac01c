-- Who may do what: projects, tokens, and the record of what was done.

alter table experiment add column project text not null default 'default';
create index experiment_by_project on experiment (project, created_at desc, id desc);
alter table study add column project text not null default 'default';
create index study_by_project on study (project, created_at desc, id desc);

-- A key is the caller's own: another project may use the same one.
alter table idempotency_key add column project text not null default 'default';
alter table idempotency_key drop constraint idempotency_key_pkey;
alter table idempotency_key add primary key (project, key);
alter table study drop constraint study_idempotency_key_key;
alter table study add constraint study_idempotency_key unique (project, idempotency_key);

create table api_token (
  id         text primary key,
  name       text not null,
  sha256     text not null unique,           -- of the token, which is kept nowhere
  role       text not null,                  -- VIEWER, OPERATOR, ADMIN
  projects   text[] not null,                -- empty: all of them, for an admin
  created_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,                    -- null: never
  revoked_at timestamptz
);

create table audit (
  id           bigint generated always as identity primary key,
  at           timestamptz not null default now(),
  actor        text not null,                -- such as 'token ci' or 'oidc alice'
  role         text not null,
  action       text not null,                -- operationId
  subject_kind text not null,                -- experiment, study, token, check
  subject_id   text not null,
  project      text,                         -- null: of the whole installation
  outcome      text not null,                -- DONE; for what a workflow decides ASKED, then DONE or REFUSED
  detail       text not null default '',
  request_id   text not null,                -- trace id of the request
  address      text not null
);
create index audit_by_subject on audit (subject_id, id desc);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'The table audit is append-only.';
end $$;
create trigger audit_is_append_only before update or delete or truncate on audit
  for each statement execute function refuse_audit_change();
