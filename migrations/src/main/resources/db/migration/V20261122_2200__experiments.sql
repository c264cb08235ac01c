-- Experiments, their models, and everything that is measured of them.

create table experiment (
  id            text primary key,
  name          text not null,
  spec          jsonb not null,
  labels        jsonb not null default '{}',
  stage         text not null,
  dataset       jsonb,                       -- DatasetRef once prepared
  error_type    text,
  error_message text,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  finished_at   timestamptz
);
create index experiment_by_time on experiment (created_at desc, id desc);
create index experiment_by_stage on experiment (stage);
create index experiment_by_label on experiment using gin (labels);

create table idempotency_key (
  key            text primary key,
  request_sha256 text not null,
  experiment_id  text not null references experiment (id) on delete cascade,
  created_at     timestamptz not null default now()
);

create table model (
  id                bigint generated always as identity primary key,
  experiment_id     text not null references experiment (id) on delete cascade,
  key               text not null,           -- teacher, student-<k>, one-to-one
  position          int not null,            -- order in lists: teacher, students, one-to-one
  range_low         int not null,
  range_high        int not null,
  state             text not null,
  step              int not null default 0,
  total_steps       int not null,
  loss              double precision,
  images_per_second double precision,
  parameters        bigint,
  macs              bigint,                  -- multiply-accumulates of one forward pass of one image
  attempts          int not null default 0,
  fence             bigint not null default 0, -- grows with each attempt; writes of older ones are refused
  worker            text,                    -- process that trains or trained it
  overrides         jsonb not null default '{}', -- of the last retry
  error_type        text,
  error_message     text,
  started_at        timestamptz,
  finished_at       timestamptz,
  unique (experiment_id, key)
);

create table checkpoint (
  model_id        bigint not null references model (id) on delete cascade,
  step            int not null,
  manifest_key    text not null,
  manifest_sha256 text not null,
  bytes           bigint not null,
  created_at      timestamptz not null default now(),
  primary key (model_id, step)
);

create table metric_point (
  model_id bigint not null references model (id) on delete cascade,
  series   text not null,
  step     int not null,
  value    double precision not null,
  primary key (model_id, series, step)       -- a replayed step writes the same point again
);

create table evaluation (
  experiment_id     text not null references experiment (id) on delete cascade,
  subject           text not null,           -- teacher, one-to-one, o2mkd
  metric            text not null,           -- what `distance` is, such as 'Fréchet distance (random-conv)'
  distance          double precision not null,
  macs_per_step     double precision not null, -- mean over the sampler's steps
  parameters        bigint not null,         -- of all models of the subject
  images_per_second double precision not null,
  peak_memory_bytes bigint not null,         -- resident set of the process while sampling
  protocol          jsonb not null,
  created_at        timestamptz not null default now(),
  primary key (experiment_id, subject)
);

create table artifact (
  experiment_id text not null references experiment (id) on delete cascade,
  name          text not null,               -- file name for users, such as student-1.pt
  kind          text not null,               -- export, grid, report
  object_key    text not null,
  content_type  text not null,
  bytes         bigint not null,
  sha256        text not null,
  created_at    timestamptz not null default now(),
  primary key (experiment_id, name)
);

create table event (
  id            bigint generated always as identity primary key,
  experiment_id text not null references experiment (id) on delete cascade,
  at            timestamptz not null default now(),
  kind          text not null,               -- launched, stage, model-started, model-failed, retry, cancel, …
  model_key     text,
  detail        text not null default ''
);
create index event_by_experiment on event (experiment_id, id);
