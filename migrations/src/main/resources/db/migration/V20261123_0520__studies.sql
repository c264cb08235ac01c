-- Studies, the experiments that belong to them, and models that are taken over from one another.

create table study (
  id              text primary key,
  name            text not null,
  question        text not null,
  spec            jsonb not null,
  labels          jsonb not null default '{}',
  stage           text not null,
  error_message   text,
  idempotency_key text unique,
  request_sha256  text not null,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  finished_at     timestamptz
);
create index study_by_time on study (created_at desc, id desc);

create table study_member (
  study_id      text not null references study (id) on delete cascade,
  position      int not null,                -- order in which they start
  experiment_id text not null unique references experiment (id) on delete cascade,
  axes          jsonb not null,              -- [{"axis": …, "value": …}] in the order of the spec
  seed          bigint not null,
  primary key (study_id, position)
);

create table study_artifact (
  study_id     text not null references study (id) on delete cascade,
  name         text not null,
  object_key   text not null,
  content_type text not null,
  bytes        bigint not null,
  sha256       text not null,
  created_at   timestamptz not null default now(),
  primary key (study_id, name)
);

-- Of all that determines the trained model; null: of an older version, or not to be taken over.
alter table model add column fingerprint text;
alter table model add column claimed_at timestamptz; -- when it became the one to be trained
-- The model that was taken over in place of training; its objects and its curves are that one's.
alter table model add column reused_from bigint references model (id) on delete set null;
-- The weights that its training began with, which merging needs.
alter table model add column start_key text;
alter table model add column start_sha256 text;
create index model_by_fingerprint on model (fingerprint);

-- Of all that determines the figures; those of another experiment with the same one are taken over.
alter table evaluation add column fingerprint text;
create index evaluation_by_fingerprint on evaluation (fingerprint);
