-- Attempts at an activity that ended their worker's process, on a machine that lived on: what a file that kills it does.

create table killed_worker (
  activity    text primary key,              -- <workflow id>/<activity id>
  in_a_row    int not null,                  -- without progress in between
  progress    bigint not null,               -- steps and measurements when the last one was noticed
  noticed_at  timestamptz not null default now()
);
