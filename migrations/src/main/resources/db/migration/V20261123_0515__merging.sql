-- Memory of the weights, and the ensembles that searches for merges and schedules have tried.

alter table evaluation add column weights_bytes bigint; -- as libtorch holds them; null: not measured

create table candidate (
  experiment_id text not null references experiment (id) on delete cascade,
  search        text not null,               -- MERGE, SCHEDULE
  name          text not null,               -- what was tried; unique within a search
  position      int not null,                -- order of trying, from 0
  distance      double precision not null,   -- over few samples: compares within its search only
  macs_per_step double precision,            -- null: unknown
  owners        jsonb not null,              -- [{low, high, model}]
  frontier      boolean not null default false, -- no other is better in one figure and not worse in both
  primary key (experiment_id, search, name)
);
