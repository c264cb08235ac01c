-- What work cost, which checkpoints stay, and what is still to be removed of deleted experiments.

create table attempt (
  model_id    bigint not null references model (id) on delete cascade,
  fence       bigint not null,               -- the attempt's own, as in model.fence
  worker      text not null,
  first_step  int,                           -- steps done when it began; null: it never began
  last_step   int,
  cpu_seconds double precision not null default 0, -- of its process, all threads
  gpu_seconds double precision not null default 0, -- during which it held a GPU
  started_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (model_id, fence)
);

alter table checkpoint add column loss double precision; -- mean since the checkpoint before; null: unknown
create index checkpoint_by_manifest on checkpoint (manifest_key);
create index artifact_by_object on artifact (object_key);
create index model_by_start on model (start_key) where start_key is not null;
create index model_by_source on model (reused_from) where reused_from is not null;

-- Objects that no row refers to any more and that are about to be removed.
create table deletion (
  id         bigint generated always as identity primary key,
  what       text not null,                  -- such as 'experiment <id>'
  prefixes   jsonb not null,                 -- of object keys: all below them that nothing refers to
  created_at timestamptz not null default now()
);

create table store_check (
  id          bigint generated always as identity primary key,
  repair      boolean not null,
  started_at  timestamptz not null default now(),
  finished_at timestamptz,
  error       text,
  objects     bigint not null default 0,
  bytes       bigint not null default 0,
  orphans     jsonb not null default '[]',   -- objects without a row: [{key, bytes, removed}]
  missing     jsonb not null default '[]'    -- rows without their object: [{key, owner, reason}]
);
