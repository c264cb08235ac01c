-- Workers as they say themselves that they are, every ten seconds: who serves which queue, on what.
create table worker (
  id                  text primary key,  -- name@process, as Temporal shows it
  name                text not null,
  task_queues         text[] not null,
  device              text not null,     -- cpu, cuda:<n>
  device_memory_bytes bigint,            -- of a GPU; null: not known, or none
  threads             int not null,      -- of libtorch
  started_at          timestamptz not null,
  seen_at             timestamptz not null,
  doing               jsonb not null     -- what it is at, oldest first
);
create index worker_by_seen on worker (seen_at);
