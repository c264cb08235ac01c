-- What projects may have and what they have used, and whose turn it is at their devices.

create table project_quota ( -- null: without a bound
  project             text primary key,
  devices_at_once     int,
  gpu_hours_per_month double precision,
  cpu_hours_per_month double precision,
  stored_bytes        bigint,
  experiments_waiting int                    -- that have not ended
);

-- Added up as it is used, so that nobody who asks has to; of deleted experiments too.
create table project_usage (
  project text not null,
  month   date not null,                     -- its first day, UTC
  kind    text not null,                     -- GPU, CPU: seconds of a device; STORED: byte-hours
  amount  double precision not null,
  primary key (project, month, kind)
);

create table device_turn (
  experiment_id text not null references experiment (id) on delete cascade,
  work          text not null,               -- which of the experiment's, such as student-3
  project       text not null,
  asked_at      timestamptz not null default now(),
  seen_at       timestamptz not null default now(), -- asked last, or worked at
  awaits        text,                        -- DEVICE, HOURS; null: it has its turn
  reason        text,                        -- in a sentence, while it waits
  primary key (experiment_id, work)
);
create index device_turn_by_project on device_turn (project);

create function usage_month() returns date language sql stable as $$
  select cast(date_trunc('month', now() at time zone 'UTC') as date)
$$;

-- What serves the queue of a spec's compute tells GPU from CPU; where nobody does, its name.
create function compute_kind(compute text) returns text language sql stable as $$
  select case when coalesce(
      (select bool_or(device <> 'cpu') from worker where 'atelier-' || compute = any(task_queues)),
      compute not like 'cpu%') then 'GPU' else 'CPU' end
$$;
