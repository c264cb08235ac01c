-- Who wants to be told what happens, and what was sent to them.

create table webhook (
  id            text primary key,
  url           text not null,
  secret        text not null,               -- key of the signatures, Base64; never leaves but when it is made
  events        text[] not null,             -- experiment.stage, model.failed
  experiment_id text references experiment (id) on delete cascade, -- null: of all experiments
  labels        jsonb not null default '{}', -- that an experiment must have
  created_at    timestamptz not null default now()
);

create table webhook_delivery (
  id            text primary key,            -- the receiver's webhook-id: the same with each attempt
  webhook_id    text not null references webhook (id) on delete cascade,
  event_id      bigint,                      -- null: a test
  type          text not null,
  payload       text not null,               -- the body, byte for byte
  state         text not null default 'PENDING', -- PENDING, DELIVERED, FAILED
  attempts      int not null default 0,
  status        int,                         -- of the last answer
  error         text,                        -- of the last attempt; null: it succeeded
  created_at    timestamptz not null default now(),
  dispatched_at timestamptz,                 -- when its workflow was started
  attempted_at  timestamptz,
  finished_at   timestamptz,
  unique (webhook_id, event_id)
);
create index webhook_delivery_by_webhook on webhook_delivery (webhook_id, created_at desc, id desc);
create index webhook_delivery_undispatched on webhook_delivery (created_at)
  where dispatched_at is null;
create index webhook_delivery_ended on webhook_delivery (finished_at)
  where finished_at is not null;

-- A delivery is written in the transaction of its event, so that none is lost and none comes twice.
create function queue_webhooks() returns trigger language plpgsql as $$
begin
  insert into webhook_delivery (id, webhook_id, event_id, type, payload)
  select w.id || '-' || new.id, w.id, new.id, t.type,
    json_build_object(
      'type', t.type,
      'timestamp', to_char(new.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'data', json_strip_nulls(json_build_object(
        'experiment', e.id,
        'name', e.name,
        'labels', e.labels,
        'event', new.id,
        'stage', case when new.kind = 'stage' then new.detail end,
        'model', new.model_key,
        'message', case when new.kind = 'model-failed' then new.detail end)))
  from webhook w
  join experiment e on e.id = new.experiment_id
  cross join (select case new.kind
    when 'stage' then 'experiment.stage' else 'model.failed' end as type) t
  where t.type = any (w.events)
    and (w.experiment_id is null or w.experiment_id = e.id)
    and e.labels @> w.labels;
  return null;
end $$;
create trigger event_to_webhooks after insert on event for each row
  when (new.kind in ('stage', 'model-failed')) execute function queue_webhooks();
