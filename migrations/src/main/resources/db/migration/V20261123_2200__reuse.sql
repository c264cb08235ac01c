-- Datasets and figures that are taken over, and who is at work on what several experiments want.

-- Of the source's content and all that prepares it; null: of an older version, or not taken over.
alter table experiment add column dataset_fingerprint text;
create index experiment_by_dataset_fingerprint on experiment (dataset_fingerprint)
  where dataset_fingerprint is not null;

-- The experiment that measured the figures; null: this one.
alter table evaluation add column reused_from text references experiment (id) on delete set null;
create index evaluation_by_source on evaluation (reused_from) where reused_from is not null;

create table work_claim (
  experiment_id text not null references experiment (id) on delete cascade,
  work          text not null,                       -- 'dataset', or the subject that is judged
  fingerprint   text not null,
  claimed_at    timestamptz not null default now(),
  begun         boolean not null default false,      -- false: waits for a worker
  primary key (experiment_id, work)
);
create index work_claim_by_fingerprint on work_claim (fingerprint);
